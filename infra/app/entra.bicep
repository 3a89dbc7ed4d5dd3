extension microsoftGraphV1

metadata description = 'The application that users sign in to. It has app roles, its token lists groups, and it has no secret. It belongs to the tenant, not to a resource group.'

@description('Key of the application in the tenant. Deploying again with the same key updates it.')
@minLength(1)
@maxLength(120)
param uniqueName string

@description('Name that users see when they sign in or consent.')
@minLength(1)
@maxLength(120)
param displayName string

@description('The only address to which Entra sends users back.')
@minLength(1)
param redirectUri string

@description('Principal (object) id of the managed identity. It is the subject of its tokens.')
@minLength(36)
@maxLength(36)
param identityPrincipalId string

@description('If true, only assigned users and groups may sign in. Consent then needs an administrator.')
param assignmentRequired bool

@description('Grants the Graph permissions of the application. The deployer must be allowed to grant them.')
param grantGraphPermissions bool

@description('Application id of Microsoft Graph, the same in every tenant.')
var graphAppId = '00000003-0000-0000-c000-000000000000'

@description('Graph permissions of the application itself: it reads the members of groups and the assigned groups.')
var applicationPermissions = ['GroupMember.Read.All', 'Application.Read.All']

@description('Graph permission on behalf of the user who signs in: it reads their own profile and groups.')
var delegatedPermission = 'User.Read'

@description('The app roles that the product reads from the token.')
var roles = [
  {
    value: 'proxy_admin'
    displayName: 'Proxy administrator'
    description: 'Administers the whole LiteLLM proxy.'
  }
  {
    value: 'proxy_admin_viewer'
    displayName: 'Proxy administrator (view only)'
    description: 'Sees everything in the LiteLLM proxy and changes nothing.'
  }
  {
    value: 'internal_user'
    displayName: 'User'
    description: 'Creates keys and uses models within their own teams.'
  }
  {
    value: 'internal_user_viewer'
    displayName: 'User (view only)'
    description: 'Sees their own keys and spend and changes nothing.'
  }
  {
    value: 'org_admin'
    displayName: 'Organization administrator'
    description: 'Administers the organizations of the groups that they are in.'
  }
]

resource graph 'Microsoft.Graph/servicePrincipals@v1.0' existing = {
  appId: graphAppId
}

resource application 'Microsoft.Graph/applications@v1.0' = {
  uniqueName: uniqueName
  displayName: displayName
  signInAudience: 'AzureADMyOrg'
  isFallbackPublicClient: false
  // The token lists exactly the assigned groups of which the user is a direct member. Other values include nested groups.
  groupMembershipClaims: 'ApplicationGroup'
  web: {
    redirectUris: [redirectUri]
    implicitGrantSettings: {
      enableAccessTokenIssuance: false
      enableIdTokenIssuance: false
    }
  }
  optionalClaims: {
    idToken: [
      {
        name: 'email'
        essential: false
      }
    ]
  }
  appRoles: [
    for role in roles: {
      // The id is the same in every tenant and every deployment, because Entra refuses to replace a role that is in use.
      id: guid('litellm-entra-provisioning', 'appRole', role.value)
      value: role.value
      displayName: role.displayName
      description: role.description
      allowedMemberTypes: ['User']
      isEnabled: true
    }
  ]
  // Declared so that an administrator can grant all permissions with one button.
  requiredResourceAccess: [
    {
      resourceAppId: graphAppId
      resourceAccess: concat(
        map(filter(graph.oauth2PermissionScopes, scope => scope.value == delegatedPermission), scope => {
          id: scope.id
          type: 'Scope'
        }),
        map(filter(graph.appRoles, role => contains(applicationPermissions, role.value)), role => {
          id: role.id
          type: 'Role'
        })
      )
    }
  ]

  resource credential 'federatedIdentityCredentials' = {
    name: '${application.uniqueName}/msiAsFic'
    description: 'The managed identity of the function app authenticates as this application.'
    audiences: ['api://AzureADTokenExchange']
    issuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
    subject: identityPrincipalId
  }
}

resource servicePrincipal 'Microsoft.Graph/servicePrincipals@v1.0' = {
  appId: application.appId
  appRoleAssignmentRequired: assignmentRequired
  // Without this tag, the portal does not list the application among the enterprise applications.
  tags: ['WindowsAzureActiveDirectoryIntegratedApp']
}

resource applicationGrants 'Microsoft.Graph/appRoleAssignedTo@v1.0' = [
  for permission in applicationPermissions: if (grantGraphPermissions) {
    appRoleId: filter(graph.appRoles, role => role.value == permission)[0].id
    principalId: servicePrincipal.id
    resourceId: graph.id
  }
]

resource delegatedGrant 'Microsoft.Graph/oauth2PermissionGrants@v1.0' = if (grantGraphPermissions) {
  clientId: servicePrincipal.id
  consentType: 'AllPrincipals'
  resourceId: graph.id
  scope: 'openid profile email offline_access ${delegatedPermission}'
}

@description('Application (client) id.')
output clientId string = application.appId

@description('Object id of the Enterprise Application, whose assigned groups count.')
output servicePrincipalId string = servicePrincipal.id
