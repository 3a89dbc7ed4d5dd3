using '../main.bicep'

param environmentName = 'contoso'
param location = 'swedencentral'
param publicUrl = 'https://Access.contoso.example'
param entraClientId = '0d0d0d0d-0000-4000-8000-000000000001'
param entraServicePrincipalId = '0d0d0d0d-0000-4000-8000-000000000002'
param assignRoles = false
