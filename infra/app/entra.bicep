extension microsoftGraphV1

metadata description = 'The application that people sign in to: no secret, its groups in the token, its roles. Runs in the tenant, not in a resource group.'

@description('Key of the application in the tenant. Deploying again with the same key updates it.')
@minLength(1)
@maxLength(120)
param uniqueName string

@description('What people read when they sign in or consent.')
@minLength(1)
@maxLength(120)
param displayName string

@description('The one address to which Entra sends people back.')
@minLength(1)
param redirectUri string

@description('Principal (object) id of the managed identity, which is what its tokens carry as their subject.')
@minLength(36)
@maxLength(36)
param identityPrincipalId string

@description('True: only people and groups that are assigned may sign in at all. Consent then needs an administrator.')
param assignmentRequired bool

@description('Grants what the application asks of Graph. Needs a deployer who may grant it.')
param grantGraphPermissions bool

@description('Microsoft Graph, in every tenant.')
var graphAppId = '00000003-0000-0000-c000-000000000000'

@description('Graph permissions of the application itself: members of groups, and which groups are assigned.')
var applicationPermissions = ['GroupMember.Read.All', 'Application.Read.All']

@description('Graph permission on behalf of the person who signs in: their own profile and groups.')
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
    description: 'Creates keys and uses models within the own teams.'
  }
  {
    value: 'internal_user_viewer'
    displayName: 'User (view only)'
    description: 'Sees the own keys and spend and changes nothing.'
  }
  {
    value: 'org_admin'
    displayName: 'Organization administrator'
    description: 'Administers the organizations whose groups the person is in.'
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
  // Exactly the assigned groups of which the person is a direct member. Any other value puts nested groups in.
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
      // The same id in every tenant and every run: Entra refuses to replace a role that is in use.
      id: guid('litellm-entra-provisioning', 'appRole', role.value)
      value: role.value
      displayName: role.displayName
      description: role.description
      allowedMemberTypes: ['User']
      isEnabled: true
    }
  ]
  // Asked for here so that an administrator can grant all of it with one button.
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
    description: 'The managed identity of the function app proves that it is this application.'
    audiences: ['api://AzureADTokenExchange']
    issuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
    subject: identityPrincipalId
  }
}

resource servicePrincipal 'Microsoft.Graph/servicePrincipals@v1.0' = {
  appId: application.appId
  appRoleAssignmentRequired: assignmentRequired
  // Without this tag the portal does not list it among the enterprise applications.
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
