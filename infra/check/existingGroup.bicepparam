using '../main.bicep'

// The network too, so that this file shows that no resource of the template is outside the group.
param environmentName = 'contoso'
param location = 'swedencentral'
param existingResourceGroup = 'landing-zone'
param tags = { costCenter: '4711' }
param vnetEnabled = true
