targetScope = 'subscription'

metadata name = 'LiteLLM Entra provisioning'
metadata description = 'Everything that the product needs in Azure and in Entra, with no secret anywhere.'

// ---------------------------------------------------------------- where

@description('Name of this installation; part of names and of the hash in all of them.')
@minLength(1)
@maxLength(40)
param environmentName string

@description('Region of everything. Flex Consumption is not in every region; `az functionapp list-flexconsumption-locations` lists what is new.')
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

@description('Name of the resource group; empty means rg-<environmentName>.')
@maxLength(90)
param resourceGroupName string = ''

@description('Name of the function app, which is its host name and unique worldwide; empty means func-<hash>.')
@maxLength(60)
param functionAppName string = ''

@description('Name of the storage account, unique worldwide: lower-case letters and digits; empty means st<hash>.')
@maxLength(24)
param storageAccountName string = ''

// ---------------------------------------------------------------- size, network, logs

@description('Most instances at a time: the upper bound of what a flood of sign-ins can cost.')
@minValue(1)
@maxValue(1000)
param maximumInstanceCount int = 40

@description('Memory of an instance, in MB.')
@allowed([512, 2048, 4096])
param instanceMemoryMB int = 2048

@description('Instances kept warm for people, so that nobody waits for a cold start; each costs, asleep or not.')
@minValue(0)
@maxValue(1000)
param httpAlwaysReady int = 0

@description('Requests that one instance serves at a time.')
@minValue(1)
@maxValue(1000)
param httpPerInstanceConcurrency int = 16

@description('How many copies of the data are kept, and where.')
@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GZRS'])
param storageSku string = 'Standard_LRS'

@description('Closes the storage to the public: private endpoints, and a NAT gateway to reach Entra and Graph.')
param vnetEnabled bool = false

@description('Address range of the network, /24 or larger.')
@minLength(9)
@maxLength(18)
param vnetAddressPrefix string = '10.42.0.0/24'

@description('Days for which logs are kept.')
@minValue(30)
@maxValue(730)
param logRetentionDays int = 30

@description('Who gets a mail when an alert fires; empty means nobody.')
@maxLength(254)
param alertEmail string = ''

@description('Failed sign-ins within 15 minutes that are still normal.')
@minValue(0)
@maxValue(100000)
param signInFailureThreshold int = 10

@description('Gives the identity its roles: needs a deployer who may. False: an administrator does it by hand (docs/deploy.md), and the app starts once it is done.')
param assignRoles bool = true

// ---------------------------------------------------------------- Entra

@description('Client id of an application that you have already. Nothing is then deployed to Entra. Empty: the template makes the application.')
@maxLength(36)
param entraClientId string = ''

@description('With an own application: object id of its Enterprise Application, whose assigned groups count.')
@maxLength(36)
param entraServicePrincipalId string = ''

@description('With an own application: address of its client secret in Key Vault, which the identity must be allowed to read. Empty: the federated credential.')
@maxLength(400)
param entraClientSecretUri string = ''

@description('With an own application: ApplicationGroup if it is set up with groupMembershipClaims ApplicationGroup, else empty.')
@allowed(['', 'ApplicationGroup'])
param entraGroupsClaim string = ''

@description('Key of the application in the tenant; empty means litellm-<environmentName>-<hash>. Give another one if a deleted application still holds it.')
@maxLength(120)
param entraUniqueName string = ''

@description('What people read when they sign in or consent.')
@minLength(1)
@maxLength(120)
param entraDisplayName string = 'LiteLLM access'

@description('True: only who is assigned to the application, directly or by group, may sign in at all. Consent then needs an administrator.')
param entraAssignmentRequired bool = false

@description('Grants the Graph permissions: needs a deployer who may (Privileged Role Administrator). Without it messages wait until an administrator grants them.')
param grantGraphPermissions bool = false

// ---------------------------------------------------------------- the product's own settings (docs/settings.md)

@description('Address at which people reach the site, if it is not the host name of the function app: https://ai.company.com')
@maxLength(253)
param publicUrl string = ''

@description('ENTRA_GROUPS_ALSO_CREATE_ORGS: an assigned group also becomes an organization.')
param entraGroupsAlsoCreateOrgs bool = false

@description('DEFAULT_TEAM_PARAMS: JSON with what a new team or organization starts with.')
@minLength(2)
param defaultTeamParams string = '{}'

@description('ORG_TEAM_BUDGET: whether a new team in an organization inherits its budget or gets a copy.')
@allowed(['inherit', 'copy'])
param orgTeamBudget string = 'inherit'

@description('MEMBERSHIP_SYNC_MODE: whether a membership ends when the person leaves the group.')
@allowed(['full', 'additive'])
param membershipSyncMode string = 'full'

@description('REMOVAL_LIMIT_PERCENT: the brake on a list of assigned groups that became much shorter.')
@minValue(0)
@maxValue(100)
param removalLimitPercent int = 20

@description('ASSIGNED_GROUPS_ACCEPT: the version of a list that the brake held back and that is right.')
@maxLength(128)
param assignedGroupsAccept string = ''

@description('DEFAULT_INTERNAL_USER_PARAMS: JSON with what a new user starts with.')
@minLength(2)
param defaultInternalUserParams string = '{}'

@description('ROLE_MAPPINGS: JSON from group id to global role.')
@minLength(2)
param roleMappings string = '{}'

@description('PROXY_ADMIN_ID: object id of the one person who is always proxy_admin.')
@maxLength(128)
param proxyAdminId string = ''

@description('ALLOWED_EMAIL_DOMAINS: domains with commas between them; empty allows all of the tenant.')
param allowedEmailDomains string = ''

// ---------------------------------------------------------------- a LiteLLM proxy (docs/litellm.md)

@description('LITELLM_BASE_URL: address of a LiteLLM proxy that is kept in step: https://litellm.company.com. Goes with the address of its key; empty means that no proxy is connected.')
@maxLength(400)
param litellmBaseUrl string = ''

@description('Address in Key Vault of the key of that proxy, which the identity must be allowed to read: https://<vault>.vault.azure.net/secrets/<name>')
@maxLength(400)
param litellmApiKeySecretUri string = ''

// ---------------------------------------------------------------- names

@description('The same for the same subscription, environment and region, and for no other: names are unique and a rerun finds them.')
var token = take(uniqueString(subscription().subscriptionId, environmentName, location), 13)

@description('Tags of everything; azd finds the environment by it.')
var tags = { 'azd-env-name': environmentName }

@description('Name of the function app.')
var siteName = empty(functionAppName) ? 'func-${token}' : functionAppName

@description('Name of the storage account.')
var accountName = empty(storageAccountName) ? 'st${token}' : storageAccountName

@description('Name of the Log Analytics workspace.')
var workspaceName = 'log-${token}'

@description('Name of the Application Insights resource.')
var componentName = 'appi-${token}'

@description('Known before the site exists, because the application needs it first and the site needs the application.')
var siteOrigin = 'https://${toLower(siteName)}.azurewebsites.net'

@description('The address given, as browsers and the app write it: lower case, without a slash at the end.')
var givenOrigin = endsWith(publicUrl, '/')
  ? toLower(take(publicUrl, length(publicUrl) - 1))
  : toLower(publicUrl)

@description('The address at which people reach the site.')
var origin = empty(publicUrl) ? siteOrigin : givenOrigin

@description('Where Entra sends people back: what the app computes from PUBLIC_URL.')
var redirectUri = '${origin}/sso/callback'

@description('The template makes the application, unless there is one.')
var deployApplication = empty(entraClientId)

@description('How the application proves itself: a secret that stays in Key Vault, or (no secret anywhere) the managed identity.')
var usesSecret = !deployApplication && !empty(entraClientSecretUri)

@description('The key of a LiteLLM proxy stays in Key Vault too; without one no proxy is connected.')
var hasProxyKey = !empty(litellmApiKeySecretUri)

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: empty(resourceGroupName) ? 'rg-${environmentName}' : resourceGroupName
  location: location
  tags: tags
}

// ---------------------------------------------------------------- identity, then Entra, then the site

module identity 'app/identity.bicep' = {
  scope: group
  params: {
    name: 'id-${token}'
    location: location
    tags: tags
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
    tags: tags
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
    tags: tags
    retentionDays: logRetentionDays
  }
}

module alerts 'app/alerts.bicep' = {
  scope: group
  params: {
    token: token
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    email: alertEmail
    signInFailureThreshold: signInFailureThreshold
  }
}

module workbook 'app/workbook.bicep' = {
  scope: group
  params: {
    location: location
    tags: tags
    workspaceName: workspaceName
  }
  dependsOn: [monitoring]
}

module roles 'app/roles.bicep' = if (assignRoles) {
  scope: group
  params: {
    // What-if cannot name the assignments before the identity exists; an identity made anew must get new ones all the same.
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
    tags: tags
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
    tags: tags
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
      // Read and written again, so that text that is no JSON fails here and not in the running app.
      DEFAULT_TEAM_PARAMS: string(json(defaultTeamParams))
      ORG_TEAM_BUDGET: orgTeamBudget
      MEMBERSHIP_SYNC_MODE: membershipSyncMode
      REMOVAL_LIMIT_PERCENT: string(removalLimitPercent)
      ASSIGNED_GROUPS_ACCEPT: assignedGroupsAccept
      DEFAULT_INTERNAL_USER_PARAMS: string(json(defaultInternalUserParams))
      ROLE_MAPPINGS: string(json(roleMappings))
      PROXY_ADMIN_ID: proxyAdminId
      ALLOWED_EMAIL_DOMAINS: allowedEmailDomains
      LITELLM_BASE_URL: litellmBaseUrl
      LITELLM_API_KEY: hasProxyKey ? '@Microsoft.KeyVault(SecretUri=${litellmApiKeySecretUri})' : ''
    }
  }
  // The host reads storage while it starts, so the identity must be allowed to before there is a host.
  dependsOn: [roles]
}

// ---------------------------------------------------------------- what azd, docs and people need afterwards
// azd keeps outputs in the environment that the next deployment reads its parameters from (main.bicepparam), so none may have
// the name of a parameter there: the application that was made would be taken for one that was given.

@description('Resource group of everything.')
output AZURE_RESOURCE_GROUP string = group.name

@description('Name of the function app.')
output DEPLOYED_FUNCTION_APP_NAME string = functionApp.outputs.name

@description('Host name of the function app.')
output DEPLOYED_FUNCTION_APP_HOST string = functionApp.outputs.hostName

@description('Where people sign in.')
output DEPLOYED_SITE_URL string = origin

@description('What must be registered as redirect URI; the template does, an own application needs it by hand.')
output DEPLOYED_REDIRECT_URI string = redirectUri

@description('Application (client) id that people sign in to.')
output DEPLOYED_ENTRA_CLIENT_ID string = entra.?outputs.clientId ?? entraClientId

@description('Object id of the Enterprise Application: assign groups to it.')
output DEPLOYED_ENTRA_SERVICE_PRINCIPAL_ID string = entra.?outputs.servicePrincipalId ?? entraServicePrincipalId

@description('Subject of the federated credential; an own application without a secret needs it by hand.')
output DEPLOYED_FEDERATED_CREDENTIAL_SUBJECT string = identity.outputs.principalId

@description('Resource id of the storage account.')
output DEPLOYED_STORAGE_ACCOUNT_ID string = storage.outputs.id

@description('Resource id of the Application Insights resource.')
output DEPLOYED_APPLICATION_INSIGHTS_ID string = monitoring.outputs.componentId

@description('Address of the queues.')
output DEPLOYED_QUEUE_ENDPOINT string = storage.outputs.queueEndpoint

@description('Address of the tables.')
output DEPLOYED_TABLE_ENDPOINT string = storage.outputs.tableEndpoint

@description('With vnetEnabled: the one address from which Entra and Graph see the app; else empty.')
output DEPLOYED_OUTBOUND_ADDRESS string = network.?outputs.outboundAddress ?? ''
