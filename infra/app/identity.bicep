metadata description = 'The one identity: the app reaches storage and telemetry with it, and proves with it to Entra that it is the application.'

@description('Name of the user-assigned managed identity.')
@minLength(3)
@maxLength(128)
param name string

@description('Region of the identity.')
param location string

@description('Tags of the identity.')
param tags { *: string }

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: name
  location: location
  tags: tags
}

@description('Resource id of the identity.')
output id string = identity.id

@description('Client id: what the app names when it asks for a token.')
output clientId string = identity.properties.clientId

@description('Principal (object) id: who gets roles, and the subject of the federated credential.')
output principalId string = identity.properties.principalId
