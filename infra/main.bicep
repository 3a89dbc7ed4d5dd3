targetScope = 'subscription'

metadata name = 'LiteLLM Entra provisioning'
metadata description = 'Everything that the product needs in Azure and in Entra, without any secret.'

// ---------------------------------------------------------------- place

@description('Name of this installation. It is part of some names and of the hash in all names.')
@minLength(1)
@maxLength(40)
param environmentName string

@description('Region of all resources. Flex Consumption is not available in every region; `az functionapp list-flexconsumption-locations` lists the current ones.')
@allowed([
  'australiaeast'
  'australiasoutheast'
  'brazilsouth'
  'canadacentral'
  'centralindia'
  'centralus'
  'eastasia'
  'eastus'
  'eastus2'
  'francecentral'
  'germanywestcentral'
  'italynorth'
  'japaneast'
  'koreacentral'
  'northcentralus'
  'northeurope'
  'norwayeast'
  'southafricanorth'
  'southcentralus'
  'southeastasia'
  'southindia'
  'spaincentral'
  'swedencentral'
  'switzerlandnorth'
  'uaenorth'
  'uksouth'
  'ukwest'
  'westcentralus'
  'westeurope'
  'westus'
  'westus2'
  'westus3'
])
param location string

@description('Name of the resource group that the template creates. Empty means rg-<environmentName>. It must be a new name: the tags of a group that exists would be replaced.')
@maxLength(90)
param resourceGroupName string = ''

@description('Name of a resource group that exists. The template then creates no group, and neither changes nor tags this one. It takes precedence over resourceGroupName.')
@maxLength(90)
param existingResourceGroup string = ''

@description('Tags of the resource group that the template creates and of all resources, such as {"costCenter":"4711"}. The tags that azd needs are added.')
param tags { *: string } = {}

@description('Name of the function app. It is part of the host name and must be unique worldwide. Empty means func-<hash>.')
@maxLength(60)
param functionAppName string = ''

@description('Name of the storage account: lower-case letters and digits, unique worldwide. Empty means st<hash>.')
@maxLength(24)
param storageAccountName string = ''

// ---------------------------------------------------------------- size, network, logs

@description('Maximum number of instances at a time. It limits the cost of a flood of sign-ins.')
@minValue(1)
@maxValue(1000)
param maximumInstanceCount int = 40

@description('Memory of an instance, in MB.')
@allowed([512, 2048, 4096])
param instanceMemoryMB int = 2048

@description('Number of instances kept warm, so that users do not wait for a cold start. Each costs money even while idle.')
@minValue(0)
@maxValue(1000)
param httpAlwaysReady int = 0

@description('Requests that one instance serves at a time.')
@minValue(1)
@maxValue(1000)
param httpPerInstanceConcurrency int = 16

@description('Replication of the storage account: the number of copies and their locations.')
@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GZRS'])
param storageSku string = 'Standard_LRS'

@description('Closes the storage account to the public. Adds private endpoints, and a NAT gateway for requests to Entra and Graph.')
param vnetEnabled bool = false

@description('Address range of the network, /24 or larger.')
@minLength(9)
@maxLength(18)
param vnetAddressPrefix string = '10.42.0.0/24'

@description('Number of days for which logs are kept.')
@minValue(30)
@maxValue(730)
param logRetentionDays int = 30

@description('Address that gets a mail when an alert fires. Empty means that no mail is sent.')
@maxLength(254)
param alertEmail string = ''

@description('Number of failed sign-ins within 15 minutes that counts as normal.')
@minValue(0)
@maxValue(100000)
param signInFailureThreshold int = 10

@description('Assigns the roles of the identity. The deployer needs the permission to do that. If false, an administrator assigns them by hand (docs/deploy.md). The app starts after that.')
param assignRoles bool = true

// ---------------------------------------------------------------- Entra

@description('Client id of an existing application. Nothing is then deployed to Entra. If empty, the template creates the application.')
@maxLength(36)
param entraClientId string = ''

@description('For an existing application: object id of its Enterprise Application, whose assigned groups count.')
@maxLength(36)
param entraServicePrincipalId string = ''

@description('For an existing application: address of its client secret in Key Vault. The identity must be allowed to read it. If empty, the app uses the federated credential.')
@maxLength(400)
param entraClientSecretUri string = ''

@description('For an existing application: ApplicationGroup if its groupMembershipClaims is ApplicationGroup, else empty.')
@allowed(['', 'ApplicationGroup'])
param entraGroupsClaim string = ''

@description('Unique name (key) of the application in the tenant. Empty means litellm-<environmentName>-<hash>. Choose another one if a deleted application still has it.')
@maxLength(120)
param entraUniqueName string = ''

@description('Name of the application that users see when they sign in or consent.')
@minLength(1)
@maxLength(120)
param entraDisplayName string = 'LiteLLM access'

@description('If true, only users who are assigned to the application, directly or by group, may sign in. Consent then needs an administrator.')
param entraAssignmentRequired bool = false

@description('Grants the Graph permissions. The deployer must be a Privileged Role Administrator. If false, messages wait until an administrator grants the permissions.')
param grantGraphPermissions bool = false

// ---------------------------------------------------------------- the product's own settings (docs/settings.md)

@description('Public address of the site if it is not the host name of the function app, such as https://ai.company.com')
@maxLength(253)
param publicUrl string = ''

@description('ENTRA_GROUPS_ALSO_CREATE_ORGS: an assigned group also becomes an organization.')
param entraGroupsAlsoCreateOrgs bool = false

@description('DEFAULT_TEAM_PARAMS: JSON with the first values of a new team or organization.')
@minLength(2)
param defaultTeamParams string = '{}'

@description('ORG_TEAM_BUDGET: whether a new team in an organization inherits its budget or gets a copy.')
@allowed(['inherit', 'copy'])
param orgTeamBudget string = 'inherit'

@description('MEMBERSHIP_SYNC_MODE: whether a membership ends when the user leaves the group.')
@allowed(['full', 'additive'])
param membershipSyncMode string = 'full'

@description('REMOVAL_LIMIT_PERCENT: the brake, which holds back a list of assigned groups that became much shorter.')
@minValue(0)
@maxValue(100)
param removalLimitPercent int = 20

@description('ASSIGNED_GROUPS_ACCEPT: the version of a list that the brake held back and that you accept.')
@maxLength(128)
param assignedGroupsAccept string = ''

@description('DEFAULT_INTERNAL_USER_PARAMS: JSON with the first values of a new user.')
@minLength(2)
param defaultInternalUserParams string = '{}'

@description('ROLE_MAPPINGS: JSON from group id to global role.')
@minLength(2)
param roleMappings string = '{}'

@description('PROXY_ADMIN_ID: object id of the one user who is always proxy_admin.')
@maxLength(128)
param proxyAdminId string = ''

@description('ALLOWED_EMAIL_DOMAINS: domains separated by commas. Empty allows the whole tenant.')
param allowedEmailDomains string = ''

// ---------------------------------------------------------------- a LiteLLM proxy (docs/litellm.md)

@description('LITELLM_BASE_URL: address of a LiteLLM proxy to keep in sync, such as https://litellm.company.com. It also needs the address of its key. Empty means that no proxy is connected.')
@maxLength(400)
param litellmBaseUrl string = ''

@description('Address of the key of that proxy in Key Vault. The identity must be allowed to read it: https://<vault>.vault.azure.net/secrets/<name>')
@maxLength(400)
param litellmApiKeySecretUri string = ''

@description('LITELLM_CLOSE_FOUND: whether a closed account also ends a user that LiteLLM had before, if its id is the object id.')
@allowed(['on', 'off'])
param litellmCloseFound string = 'on'

@description('LITELLM_SHARED_BUDGET: how teams share the budget of their organization while the proxy has no organizations.')
@allowed(['split', 'each'])
param litellmSharedBudget string = 'split'

@description('LITELLM_PARKED_KEY_DAYS: how long the keys of a team\'s former member rest before they are deleted. 0 deletes them at the removal.')
@minValue(0)
@maxValue(90)
param litellmParkedKeyDays int = 7

@description('LITELLM_PARKED_KEYS_ACCEPT: version of the resting keys whose deletion was held back and is accepted.')
@maxLength(64)
param litellmParkedKeysAccept string = ''

// ---------------------------------------------------------------- names

@description('Hash of subscription, environment and region. It makes names unique, and a later deployment computes the same names again.')
var token = take(uniqueString(subscription().subscriptionId, environmentName, location), 13)

@description('Tags of all resources: the chosen ones, and the one by which azd finds the environment, which cannot be replaced.')
var allTags = union(tags, { 'azd-env-name': environmentName })

@description('Whether the resources go into a resource group that exists.')
var usesExistingGroup = !empty(existingResourceGroup)

@description('Name of the resource group that the template creates.')
var newGroupName = empty(resourceGroupName) ? 'rg-${environmentName}' : resourceGroupName

@description('Name of the function app.')
var siteName = empty(functionAppName) ? 'func-${token}' : functionAppName

@description('Name of the storage account.')
var accountName = empty(storageAccountName) ? 'st${token}' : storageAccountName

@description('Name of the Log Analytics workspace.')
var workspaceName = 'log-${token}'

@description('Name of the Application Insights resource.')
var componentName = 'appi-${token}'

@description('Origin of the site, computed before the site exists: the application needs the origin, and the site needs the application.')
var siteOrigin = 'https://${toLower(siteName)}.azurewebsites.net'

@description('The chosen public address in the form that browsers and the app use: lower case, without a slash at the end.')
var givenOrigin = endsWith(publicUrl, '/')
  ? toLower(take(publicUrl, length(publicUrl) - 1))
  : toLower(publicUrl)

@description('Public address of the site.')
var origin = empty(publicUrl) ? siteOrigin : givenOrigin

@description('Address to which Entra sends users back. The app computes the same from PUBLIC_URL.')
var redirectUri = '${origin}/sso/callback'

@description('Whether the template creates the application. It does not if the client id of an existing one was given.')
var deployApplication = empty(entraClientId)

@description('Whether the application authenticates with a secret, which stays in Key Vault. Otherwise it uses the managed identity, without any secret.')
var usesSecret = !deployApplication && !empty(entraClientSecretUri)

@description('Whether the key of a LiteLLM proxy was given. It stays in Key Vault too. Without it, no proxy is connected.')
var hasProxyKey = !empty(litellmApiKeySecretUri)

// Only its name is read, so neither its tags nor its region can change. If it does not exist, the modules fail.
resource existingGroup 'Microsoft.Resources/resourceGroups@2025-04-01' existing = if (usesExistingGroup) {
  name: existingResourceGroup
}

// Not deployed with an existing group. The modules still take their scope from its name, because a scope cannot be chosen.
resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = if (!usesExistingGroup) {
  name: usesExistingGroup ? existingResourceGroup : newGroupName
  location: location
  tags: allTags
}

// ---------------------------------------------------------------- identity, then Entra, then the site

module identity 'app/identity.bicep' = {
  scope: group
  params: {
    name: 'id-${token}'
    location: location
    tags: allTags
  }
}

module entra 'app/entra.bicep' = if (deployApplication) {
  scope: group
  params: {
    uniqueName: empty(entraUniqueName) ? 'litellm-${environmentName}-${token}' : entraUniqueName
    displayName: entraDisplayName
    redirectUri: redirectUri
    identityPrincipalId: identity.outputs.principalId
    assignmentRequired: entraAssignmentRequired
    grantGraphPermissions: grantGraphPermissions
  }
}

module storage 'app/storage.bicep' = {
  scope: group
  params: {
    name: accountName
    location: location
    tags: allTags
    sku: storageSku
    isPrivate: vnetEnabled
  }
}

module monitoring 'app/monitoring.bicep' = {
  scope: group
  params: {
    workspaceName: workspaceName
    componentName: componentName
    location: location
    tags: allTags
    retentionDays: logRetentionDays
  }
}

module alerts 'app/alerts.bicep' = {
  scope: group
  params: {
    token: token
    location: location
    tags: allTags
    workspaceId: monitoring.outputs.workspaceId
    email: alertEmail
    signInFailureThreshold: signInFailureThreshold
  }
}

module workbook 'app/workbook.bicep' = {
  scope: group
  params: {
    location: location
    tags: allTags
    workspaceName: workspaceName
  }
  dependsOn: [monitoring]
}

module roles 'app/roles.bicep' = if (assignRoles) {
  scope: group
  params: {
    // Before the identity exists, what-if cannot name the assignments. That is acceptable, because a new identity needs new ones.
    #disable-next-line what-if-short-circuiting
    principalId: identity.outputs.principalId
    storageAccountName: accountName
    componentName: componentName
  }
  dependsOn: [storage, monitoring]
}

module network 'app/network.bicep' = if (vnetEnabled) {
  scope: group
  params: {
    token: token
    location: location
    tags: allTags
    addressPrefix: vnetAddressPrefix
    storageAccountId: storage.outputs.id
  }
}

module functionApp 'app/functionApp.bicep' = {
  scope: group
  params: {
    name: siteName
    planName: 'plan-${token}'
    location: location
    tags: allTags
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    blobEndpoint: storage.outputs.blobEndpoint
    queueEndpoint: storage.outputs.queueEndpoint
    tableEndpoint: storage.outputs.tableEndpoint
    deploymentContainerName: storage.outputs.deploymentContainerName
    telemetryConnectionString: monitoring.outputs.connectionString
    subnetId: network.?outputs.appSubnetId ?? ''
    maximumInstanceCount: maximumInstanceCount
    instanceMemoryMB: instanceMemoryMB
    httpAlwaysReady: httpAlwaysReady
    httpPerInstanceConcurrency: httpPerInstanceConcurrency
    identitySettings: union(
      {
        MICROSOFT_TENANT: tenant().tenantId
        MICROSOFT_CLIENT_ID: entra.?outputs.clientId ?? entraClientId
        MICROSOFT_SERVICE_PRINCIPAL_ID: entra.?outputs.servicePrincipalId ?? entraServicePrincipalId
      },
      usesSecret ? {} : { MICROSOFT_MANAGED_IDENTITY_CLIENT_ID: identity.outputs.clientId }
    )
    productSettings: {
      MICROSOFT_CLIENT_SECRET: usesSecret ? '@Microsoft.KeyVault(SecretUri=${entraClientSecretUri})' : ''
      ENTRA_GROUPS_CLAIM: deployApplication ? 'ApplicationGroup' : entraGroupsClaim
      PUBLIC_URL: origin
      ENTRA_GROUPS_ALSO_CREATE_ORGS: string(entraGroupsAlsoCreateOrgs)
      // json() and string() make the deployment fail for invalid JSON. Otherwise the running app would fail.
      DEFAULT_TEAM_PARAMS: defaultTeamParams
      ORG_TEAM_BUDGET: orgTeamBudget
      MEMBERSHIP_SYNC_MODE: membershipSyncMode
      REMOVAL_LIMIT_PERCENT: string(removalLimitPercent)
      ASSIGNED_GROUPS_ACCEPT: assignedGroupsAccept
      DEFAULT_INTERNAL_USER_PARAMS: defaultInternalUserParams
      ROLE_MAPPINGS: roleMappings
      PROXY_ADMIN_ID: proxyAdminId
      ALLOWED_EMAIL_DOMAINS: allowedEmailDomains
      LITELLM_BASE_URL: litellmBaseUrl
      LITELLM_CLOSE_FOUND: litellmCloseFound
      LITELLM_SHARED_BUDGET: litellmSharedBudget
      LITELLM_PARKED_KEY_DAYS: string(litellmParkedKeyDays)
      LITELLM_PARKED_KEYS_ACCEPT: litellmParkedKeysAccept
      LITELLM_API_KEY: hasProxyKey ? '@Microsoft.KeyVault(SecretUri=${litellmApiKeySecretUri})' : ''
    }
  }
  // The host reads storage when it starts, so the identity needs its roles before the host exists.
  dependsOn: [roles]
}

// ---------------------------------------------------------------- outputs for azd, docs and people
// azd stores outputs in its environment, and the next deployment reads its parameters from there (main.bicepparam). So no output
// may have the name of a parameter. Otherwise the created application would look like an existing one that was given.

@description('Resource group of all resources.')
output AZURE_RESOURCE_GROUP string = usesExistingGroup ? existingGroup.name : group.name

@description('Name of the function app.')
output DEPLOYED_FUNCTION_APP_NAME string = functionApp.outputs.name

@description('Host name of the function app.')
output DEPLOYED_FUNCTION_APP_HOST string = functionApp.outputs.hostName

@description('Address where users sign in.')
output DEPLOYED_SITE_URL string = origin

@description('Redirect URI. The template registers it. For an existing application, register it by hand.')
output DEPLOYED_REDIRECT_URI string = redirectUri

@description('Application (client) id of the application that users sign in to.')
output DEPLOYED_ENTRA_CLIENT_ID string = entra.?outputs.clientId ?? entraClientId

@description('Object id of the Enterprise Application. Assign groups to it.')
output DEPLOYED_ENTRA_SERVICE_PRINCIPAL_ID string = entra.?outputs.servicePrincipalId ?? entraServicePrincipalId

@description('Subject of the federated credential. For an existing application without a secret, add the credential by hand.')
output DEPLOYED_FEDERATED_CREDENTIAL_SUBJECT string = identity.outputs.principalId

@description('Resource id of the storage account.')
output DEPLOYED_STORAGE_ACCOUNT_ID string = storage.outputs.id

@description('Resource id of the Application Insights resource.')
output DEPLOYED_APPLICATION_INSIGHTS_ID string = monitoring.outputs.componentId

@description('Address of the queues.')
output DEPLOYED_QUEUE_ENDPOINT string = storage.outputs.queueEndpoint

@description('Address of the tables.')
output DEPLOYED_TABLE_ENDPOINT string = storage.outputs.tableEndpoint

@description('With vnetEnabled: the only address from which the app sends requests to Entra and Graph. Else empty.')
output DEPLOYED_OUTBOUND_ADDRESS string = network.?outputs.outboundAddress ?? ''
