using '../main.bicep'

param environmentName = 'contoso'
param location = 'swedencentral'
param vnetEnabled = true
