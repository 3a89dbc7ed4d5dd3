using '../main.bicep'

param environmentName = 'contoso'
param location = 'swedencentral'
param alertEmail = 'operators@contoso.example'
param signInFailureThreshold = 25
