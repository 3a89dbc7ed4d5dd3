using '../main.bicep'

param environmentName = 'contoso'
param location = 'swedencentral'
param litellmBaseUrl = 'https://LiteLLM.contoso.example/proxy/'
param litellmApiKeySecretUri = 'https://contoso-vault.vault.azure.net/secrets/litellm-api-key'
