metadata description = 'The function app on a Flex Consumption plan, and all its settings.'

@description('Name of the function app. It is part of the host name and must be unique worldwide.')
@minLength(2)
@maxLength(60)
param name string

@description('Name of the plan.')
@minLength(1)
@maxLength(60)
param planName string

@description('Region of both.')
param location string

@description('Tags of both.')
param tags { *: string }

@description('Resource id of the managed identity.')
param identityId string

@description('Client id of the managed identity.')
param identityClientId string

@description('Address of the blobs.')
param blobEndpoint string

@description('Address of the queues.')
param queueEndpoint string

@description('Address of the tables.')
param tableEndpoint string

@description('Name of the container with the deployed package.')
@minLength(3)
@maxLength(63)
param deploymentContainerName string

@description('Connection string for telemetry.')
param telemetryConnectionString string

@description('Resource id of the subnet in which the app runs. Empty means none.')
param subnetId string

@description('Maximum number of instances at a time.')
@minValue(1)
@maxValue(1000)
param maximumInstanceCount int

@description('Memory of an instance, in MB.')
@allowed([512, 2048, 4096])
param instanceMemoryMB int

@description('Number of instances kept warm for users. 0 means none.')
@minValue(0)
@maxValue(1000)
param httpAlwaysReady int

@description('Requests that one instance serves at a time.')
@minValue(1)
@maxValue(1000)
param httpPerInstanceConcurrency int

@description('Settings of the product that are known only while deploying. An empty value counts as not set.')
param identitySettings { *: string }

@description('Settings of the product that the deployer chose. Empty ones are left out.')
param productSettings { *: string }

@description('Settings of the Functions host. It accesses storage and telemetry with the identity, without a key.')
var hostSettings = {
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: identityClientId
  AzureWebJobsStorage__blobServiceUri: blobEndpoint
  AzureWebJobsStorage__queueServiceUri: queueEndpoint
  AzureWebJobsStorage__tableServiceUri: tableEndpoint
  // The site answers / in any case. While it has no functions, this hides Azure's own page there.
  AzureWebJobsDisableHomepage: 'true'
  APPLICATIONINSIGHTS_CONNECTION_STRING: telemetryConnectionString
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
  // By default the exporters keep five traces a second and drop the logs of the others. The alerts need all logs.
  OTEL_TRACES_SAMPLER: 'microsoft.fixed_percentage'
  OTEL_TRACES_SAMPLER_ARG: '1.0'
}

@description('The chosen settings that have a value.')
var chosenSettings = toObject(
  filter(items(productSettings), setting => !empty(setting.value)),
  setting => setting.key,
  setting => setting.value
)

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: { reserved: true }
}

resource site 'Microsoft.Web/sites@2025-03-01' = {
  name: name
  location: location
  // azd finds the app by this tag.
  tags: union(tags, { 'azd-service-name': 'app' })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identityId}': {} }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    clientAffinityEnabled: false
    // The identity that reads settings from Key Vault. Needed only if a setting refers to Key Vault.
    keyVaultReferenceIdentity: identityId
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    siteConfig: {
      minTlsVersion: '1.2'
      appSettings: [
        for setting in items(union(hostSettings, identitySettings, chosenSettings)): {
          name: setting.key
          value: setting.value
        }
      ]
    }
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${blobEndpoint}${deploymentContainerName}'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      runtime: {
        name: 'node'
        version: '24'
      }
      scaleAndConcurrency: {
        maximumInstanceCount: maximumInstanceCount
        instanceMemoryMB: instanceMemoryMB
        alwaysReady: httpAlwaysReady == 0
          ? []
          : [
              {
                name: 'http'
                instanceCount: httpAlwaysReady
              }
            ]
        triggers: { http: { perInstanceConcurrency: httpPerInstanceConcurrency } }
      }
    }
  }

  // Turns off the old user name and password, because deployments sign in with Entra.
  resource ftp 'basicPublishingCredentialsPolicies' = {
    name: 'ftp'
    properties: { allow: false }
  }

  resource scm 'basicPublishingCredentialsPolicies' = {
    name: 'scm'
    properties: { allow: false }
  }
}

@description('Name of the function app.')
output name string = site.name

@description('Host name that Azure assigned. It equals the host name that the template computed.')
output hostName string = site.properties.defaultHostName
