/** What Azure and Entra would answer while deploying, made up: every value different, so that none passes for another. */
import { createHash } from 'node:crypto';
import type { DeploymentPlace } from './bicepServer.ts';
import type { Json } from './evaluateExpression.ts';

export const place: DeploymentPlace = {
  tenantId: '11111111-2222-4333-8444-555555555555',
  subscriptionId: '99999999-8888-4777-8666-555555555555',
  location: 'swedencentral',
};

export const identity = {
  clientId: 'c11e4700-0000-4000-8000-000000000001',
  principalId: '9217c19a-0000-4000-8000-000000000002',
};

export const application = { appId: 'a99a99a9-0000-4000-8000-000000000003' };

/** The Enterprise Application. */
export const servicePrincipal = { id: '5e54f1ce-0000-4000-8000-000000000004' };

/** Microsoft Graph in the tenant: the ids of its permissions are the same everywhere; the others are there to be left alone. */
export const graph = {
  id: '62a94000-0000-4000-8000-000000000005',
  appRoles: [
    { id: '19dbc75e-c2e2-444c-a770-ec69d8559fc7', value: 'Directory.ReadWrite.All' },
    { id: '62a82d76-70ea-41e2-9197-370581804d09', value: 'Group.ReadWrite.All' },
    { id: '98830695-27a2-44f7-8c18-0c3ebc9698f6', value: 'GroupMember.Read.All' },
    { id: '9a5d68dd-52b0-4cc2-bd40-abcd44ac3a30', value: 'Application.Read.All' },
    { id: '1bfefb4e-e0b5-418b-a88f-73c46d2cc8e9', value: 'Application.ReadWrite.All' },
  ],
  oauth2PermissionScopes: [
    { id: 'e1fe6dd8-ba31-4d61-89e7-88639da4683d', value: 'User.Read' },
    { id: 'b4e74841-8e56-480b-be8b-910348b18b4c', value: 'User.ReadWrite' },
  ],
};

/** Gives the service principal of an application, by the application's id. */
export function servicePrincipalOf(appId: Json): Json {
  if (appId === '00000003-0000-0000-c000-000000000000') return graph;
  if (appId === application.appId) return servicePrincipal;
  return { id: 'the service principal of something else', appRoles: [], oauth2PermissionScopes: [] };
}

export const environment = {
  authentication: { loginEndpoint: 'https://login.microsoftonline.com/' },
  suffixes: { storage: 'core.windows.net' },
};

export const outboundAddress = '203.0.113.7';

export function connectionStringOf(componentName: string): string {
  return `InstrumentationKey=00000000-0000-4000-8000-000000000006;IngestionEndpoint=https://${componentName}.example`;
}

/** What `reference()` gives for a resource of that type and name; undefined for types of which nothing is asked. */
export function findRuntimeProperties(type: string, name: string): Json | undefined {
  switch (type) {
    case 'Microsoft.ManagedIdentity/userAssignedIdentities':
      return { ...identity, tenantId: place.tenantId };
    case 'Microsoft.Storage/storageAccounts': {
      const endpoint = (service: string) => `https://${name}.${service}.core.windows.net/`;
      return {
        primaryEndpoints: {
          blob: endpoint('blob'),
          queue: endpoint('queue'),
          table: endpoint('table'),
          file: endpoint('file'),
        },
      };
    }
    case 'Microsoft.Insights/components':
      return {
        ConnectionString: connectionStringOf(name),
        InstrumentationKey: '00000000-0000-4000-8000-000000000006',
      };
    case 'Microsoft.Web/sites':
      return { defaultHostName: `${name}.azurewebsites.net` };
    case 'Microsoft.Network/publicIPAddresses':
      return { ipAddress: outboundAddress };
    case 'Microsoft.Graph/applications@v1.0':
      return { ...application, id: '0b1ec7a9-0000-4000-8000-000000000007' };
    default:
      return undefined;
  }
}

/** A GUID that only the same parts give: in place of Azure's own function. */
export function guidOf(parts: readonly Json[]): string {
  const hex = createHash('sha256').update(JSON.stringify(parts)).digest('hex');
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `5${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-');
}
