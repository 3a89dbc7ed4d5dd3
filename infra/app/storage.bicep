metadata description = 'The storage account with the deployment container, the queues, their poison queues, and the tables. It has no keys and nothing is public.'

@description('Name of the storage account, unique worldwide.')
@minLength(3)
@maxLength(24)
param name string

@description('Region of the account.')
param location string

@description('Tags of the account.')
param tags { *: string }

@description('Replication of the account: the number of copies and their locations.')
@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GZRS'])
param sku string

@description('If true, the account is reachable only through private endpoints.')
param isPrivate bool

@description('Name of the container into which deployments put the package.')
var deploymentContainerName = 'app-package'
@description('The queues of observations and of syncs to LiteLLM, and their poison queues. The names must match the code.')
var queueNames = ['provision', 'provision-poison', 'litellm-sync', 'litellm-sync-poison']
@description('All tables of the product. The names must match the code.')
var tableNames = [
  'LiteLLMOrganizationTable'
  'LiteLLMTeamTable'
  'LiteLLMUserTable'
  'LiteLLMOrganizationMembership'
  'LiteLLMTeamMembership'
  'LiteLLMOrganizationMembers'
  'LiteLLMTeamMembers'
  'EntraAssignedGroups'
  'ProvisioningSnapshots'
  'ProvisioningFailures'
  'SyncedPeople'
  'SyncedEntities'
  'Heartbeats'
  'SessionKeys'
]

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: sku }
  properties: {
    accessTier: 'Hot'
    // Without keys, a leaked connection string is useless. Only roles give access.
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled'
    networkAcls: {
      bypass: 'None'
      defaultAction: isPrivate ? 'Deny' : 'Allow'
    }
  }

  resource blobs 'blobServices' = {
    name: 'default'

    resource deploymentContainer 'containers' = {
      name: deploymentContainerName
      properties: { publicAccess: 'None' }
    }
  }

  resource queues 'queueServices' = {
    name: 'default'

    resource all 'queues' = [
      for queueName in queueNames: {
        name: queueName
      }
    ]
  }

  resource tables 'tableServices' = {
    name: 'default'

    resource all 'tables' = [
      for tableName in tableNames: {
        name: tableName
      }
    ]
  }
}

@description('Resource id of the account.')
output id string = account.id

@description('Address of the blobs.')
output blobEndpoint string = account.properties.primaryEndpoints.blob

@description('Address of the queues.')
output queueEndpoint string = account.properties.primaryEndpoints.queue

@description('Address of the tables.')
output tableEndpoint string = account.properties.primaryEndpoints.table

@description('Name of the container with the deployed package.')
output deploymentContainerName string = account::blobs::deploymentContainer.name
