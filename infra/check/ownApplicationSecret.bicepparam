using '../main.bicep'

param environmentName = 'contoso'
param location = 'swedencentral'
param entraClientId = '0d0d0d0d-0000-4000-8000-000000000001'
param entraClientSecretUri = 'https://contoso-vault.vault.azure.net/secrets/litellm-entra'
param entraGroupsClaim = 'ApplicationGroup'
