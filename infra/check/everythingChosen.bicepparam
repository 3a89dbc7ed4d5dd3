using '../main.bicep'

// Sets every parameter that no other file in this folder sets, to a value that is not its default.
param environmentName = 'contoso-test'
param location = 'westeurope'
param resourceGroupName = 'ai-access'
param tags = {
  costCenter: '4711'
  owner: 'platform@contoso.example'
  'azd-env-name': 'not this one'
}
param functionAppName = 'Contoso-Access'
param storageAccountName = 'contosoaccess'
param maximumInstanceCount = 100
param instanceMemoryMB = 4096
param httpAlwaysReady = 2
param httpPerInstanceConcurrency = 32
param storageSku = 'Standard_ZRS'
param vnetEnabled = true
param vnetAddressPrefix = '172.20.8.0/23'
param logRetentionDays = 90
param entraUniqueName = 'contoso-litellm'
param entraDisplayName = 'Contoso AI'
param entraAssignmentRequired = true
param grantGraphPermissions = true
param publicUrl = 'https://AI.contoso.example/'
param orgTeamBudget = 'copy'
param membershipSyncMode = 'additive'
param removalLimitPercent = 35
param assignedGroupsAccept = '5f0c1e2ab34d'
param defaultInternalUserParams = '{"user_role":"internal_user","max_budget":20}'
param roleMappings = '{"55555555-6666-7777-8888-999999999999":"proxy_admin_viewer"}'
param proxyAdminId = '66666666-7777-8888-9999-000000000000'
param allowedEmailDomains = 'contoso.example,eu.contoso.example'
param litellmCloseFound = 'off'
param litellmSharedBudget = 'each'
param litellmParkedKeyDays = 30
param litellmParkedKeysAccept = '0f1e2d3c4b5a6978'
