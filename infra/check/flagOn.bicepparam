using '../main.bicep'

param environmentName = 'contoso'
param location = 'swedencentral'
param functionAppName = 'Contoso-Access-Test'
param entraGroupsAlsoCreateOrgs = true
param defaultTeamParams = '{"models":["gpt-4"],"max_budget":12.5,"budget_duration":"30d"}'
