import { deepEqual, equal } from 'node:assert/strict';
import { GLOBAL_ROLES } from '../../../shared/model/roles.ts';
import type { MeantApplication, MeantDeployment } from '../meantDeployments.ts';
import { at } from '../resolveDeployment.ts';
import type { Deployment } from '../resolveDeployment.ts';
import { graph, identity, place, servicePrincipal, application as madeApplication } from '../standIns.ts';
import type { Assertion } from './assertion.ts';
import { listOf, onlyResource, propertyOf, resourcesOf, textOf, types } from './assertion.ts';
import { originOf } from './originOf.ts';

/**
 * The ids of the app roles in every installation. Entra refuses to drop a role that is assigned to somebody, so a new id under
 * an old name would make every later deployment fail.
 */
const appRoleIds: Readonly<Record<string, string>> = {
  proxy_admin: 'cb200615-3642-5b5d-ae71-c82969897ac3',
  proxy_admin_viewer: '987f3034-9e4d-5df1-b2e8-08107240e221',
  internal_user: 'ca873cf1-3fab-515a-8e37-f1cb4ef44373',
  internal_user_viewer: 'ddbd7519-836e-5e84-b9a1-88ba70fee53d',
  org_admin: 'c3829839-0c98-536b-93dd-403435e77500',
};

const graphAppId = '00000003-0000-0000-c000-000000000000';

/** Microsoft's own ids of the permissions: GroupMember.Read.All and Application.Read.All. */
const applicationPermissionIds = [
  '98830695-27a2-44f7-8c18-0c3ebc9698f6',
  '9a5d68dd-52b0-4cc2-bd40-abcd44ac3a30',
];
/** User.Read */
const delegatedPermissionId = 'e1fe6dd8-ba31-4d61-89e7-88639da4683d';

type TemplateApplication = Extract<MeantApplication, { kind: 'template' }>;

/** An assertion on what the template makes in Entra; where there is an application already, it has nothing to look at. */
function ofTemplate(
  name: string,
  check: (deployment: Deployment, application: TemplateApplication, meant: MeantDeployment) => void,
): Assertion {
  return {
    name,
    check: (deployment, meant) => {
      if (meant.application.kind === 'template') check(deployment, meant.application, meant);
    },
  };
}

export const entraAssertions: readonly Assertion[] = [
  {
    name: 'nothing is deployed to Entra where there is an application already',
    check: (deployment, meant) => {
      const deployed = deployment.resources.filter((each) => each.type.startsWith('Microsoft.Graph/'));
      equal(deployed.length > 0, meant.application.kind === 'template');
    },
  },
  ofTemplate("only this tenant's people can sign in, and no token leaves by the browser", (deployment) => {
    const application = onlyResource(deployment, types.application);
    equal(propertyOf(application, 'signInAudience'), 'AzureADMyOrg');
    equal(propertyOf(application, 'isFallbackPublicClient'), false);
    deepEqual(propertyOf(application, 'web', 'implicitGrantSettings'), {
      enableAccessTokenIssuance: false,
      enableIdTokenIssuance: false,
    });
    equal(propertyOf(application, 'spa'), undefined);
    equal(propertyOf(application, 'publicClient'), undefined);
  }),
  ofTemplate("the one redirect URI is the app's own callback", (deployment, _application, meant) => {
    const uris = propertyOf(onlyResource(deployment, types.application), 'web', 'redirectUris');
    deepEqual(uris, [`${originOf(deployment, meant)}/sso/callback`]);
  }),
  ofTemplate('the token carries exactly the assigned groups', (deployment) => {
    const application = onlyResource(deployment, types.application);
    equal(propertyOf(application, 'groupMembershipClaims'), 'ApplicationGroup');
  }),
  ofTemplate('the token carries the email, where there is one', (deployment) => {
    const application = onlyResource(deployment, types.application);
    deepEqual(propertyOf(application, 'optionalClaims'), { idToken: [{ name: 'email', essential: false }] });
  }),
  ofTemplate('the app roles are those that the code reads, under ids that never change', (deployment) => {
    const roles = listOf(propertyOf(onlyResource(deployment, types.application), 'appRoles'));
    const ids = Object.fromEntries(roles.map((role) => [textOf(at(role, 'value')), at(role, 'id')]));
    deepEqual(ids, appRoleIds);
    deepEqual(Object.keys(ids).sort(), [...GLOBAL_ROLES, 'org_admin'].sort());
    for (const role of roles) {
      deepEqual(at(role, 'allowedMemberTypes'), ['User']);
      equal(at(role, 'isEnabled'), true);
      equal(textOf(at(role, 'displayName')).length > 0 && textOf(at(role, 'description')).length > 0, true);
    }
  }),
  ofTemplate("the federated credential trusts the identity's principal id and nobody else", (deployment) => {
    const credential = onlyResource(deployment, types.credential);
    equal(propertyOf(credential, 'subject'), identity.principalId);
    equal(propertyOf(credential, 'issuer'), `https://login.microsoftonline.com/${place.tenantId}/v2.0`);
    deepEqual(propertyOf(credential, 'audiences'), ['api://AzureADTokenExchange']);
    const uniqueName = propertyOf(onlyResource(deployment, types.application), 'uniqueName');
    equal(propertyOf(credential, 'name'), `${textOf(uniqueName)}/msiAsFic`);
  }),
  ofTemplate('the application has no secret and no certificate', (deployment) => {
    const application = onlyResource(deployment, types.application);
    equal(propertyOf(application, 'passwordCredentials'), undefined);
    equal(propertyOf(application, 'keyCredentials'), undefined);
  }),
  ofTemplate('the application asks Graph for three permissions and no more', (deployment) => {
    const asked = listOf(propertyOf(onlyResource(deployment, types.application), 'requiredResourceAccess'));
    deepEqual(asked, [
      {
        resourceAppId: graphAppId,
        resourceAccess: [
          { id: delegatedPermissionId, type: 'Scope' },
          ...applicationPermissionIds.map((id) => ({ id, type: 'Role' })),
        ],
      },
    ]);
  }),
  ofTemplate(
    "Graph permissions are granted only where that was chosen, and to the application's service principal",
    (deployment, application) => {
      const granted = resourcesOf(deployment, types.appRoleAssignedTo).map((each) => each.body['properties']);
      const consents = resourcesOf(deployment, types.permissionGrant).map((each) => each.body['properties']);
      if (!application.permissionsGranted) {
        deepEqual([...granted, ...consents], []);
        return;
      }
      deepEqual(
        granted,
        applicationPermissionIds.map((appRoleId) => ({
          appRoleId,
          principalId: servicePrincipal.id,
          resourceId: graph.id,
        })),
      );
      deepEqual(consents, [
        {
          clientId: servicePrincipal.id,
          consentType: 'AllPrincipals',
          resourceId: graph.id,
          scope: 'openid profile email offline_access User.Read',
        },
      ]);
    },
  ),
  ofTemplate(
    'the Enterprise Application is of this application, listed in the portal, and open to whom was chosen',
    (deployment, application) => {
      const principal = onlyResource(deployment, types.servicePrincipal);
      equal(propertyOf(principal, 'appId'), madeApplication.appId);
      equal(propertyOf(principal, 'appRoleAssignmentRequired'), application.assignmentRequired);
      deepEqual(propertyOf(principal, 'tags'), ['WindowsAzureActiveDirectoryIntegratedApp']);
    },
  ),
  ofTemplate(
    'the application keeps its key in the tenant from run to run, and its name is the chosen one',
    (deployment, application, meant) => {
      const made = onlyResource(deployment, types.application);
      const token = onlyResource(deployment, types.identity).name.replace(/^id-/, '');
      const byDefault = `litellm-${meant.environmentName}-${token}`;
      equal(propertyOf(made, 'uniqueName'), application.uniqueName ?? byDefault);
      equal(propertyOf(made, 'displayName'), application.displayName);
    },
  ),
];
