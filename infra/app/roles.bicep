metadata description = 'The rights of the identity: four roles, each on a single resource.'

@description('Principal (object) id of the managed identity.')
@minLength(36)
@maxLength(36)
param principalId string

@description('Name of the storage account.')
@minLength(3)
@maxLength(24)
param storageAccountName string

@description('Name of the Application Insights resource.')
@minLength(1)
param componentName string

// The host keeps its locks, its keys and the deployed package in blobs, and blob leases need the role Owner. The host also
// creates and fills the poison queue, so the role Message Processor is not enough.
@description('Ids of the roles on the storage account. They are the same in every tenant.')
var storageRoleIds = {
  blobDataOwner: 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
  queueDataContributor: '974c5e8b-45b9-4653-ba55-5f855dd0fb88'
  tableDataContributor: '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'
}
@description('Id of the role for sending telemetry without a key.')
var monitoringMetricsPublisherId = '3913510d-42f4-4e42-8a64-420c390055eb'

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: storageAccountName
}

resource component 'Microsoft.Insights/components@2020-02-02' existing = {
  name: componentName
}

resource storageRoles 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for role in items(storageRoleIds): {
    // The name includes the principal, because an assignment cannot move to another one. A new identity gets new assignments.
    name: guid(account.id, principalId, role.value)
    scope: account
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role.value)
      principalId: principalId
      // Named, so that Azure does not look up the new identity in the directory, which may not have it yet.
      principalType: 'ServicePrincipal'
    }
  }
]

resource metricsPublisher 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(component.id, principalId, monitoringMetricsPublisherId)
  scope: component
  properties: {
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      monitoringMetricsPublisherId
    )
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}
