metadata description = 'The managed identity. The app uses it for storage and telemetry, and to authenticate to Entra as the application.'

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

@description('Client id, which the app names when it requests a token.')
output clientId string = identity.properties.clientId

@description('Principal (object) id, to which roles are assigned. It is also the subject of the federated credential.')
output principalId string = identity.properties.principalId
