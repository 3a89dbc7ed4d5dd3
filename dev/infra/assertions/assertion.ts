/** One thing that must be true of a deployment, with a name that says what it means; tests and mutants share them. */
import { AssertionError } from 'node:assert';
import type { Json } from '../evaluateExpression.ts';
import { isList } from '../evaluateExpression.ts';
import type { MeantDeployment } from '../meantDeployments.ts';
import { at } from '../resolveDeployment.ts';
import type { Deployment, Resource } from '../resolveDeployment.ts';

export interface Assertion {
  /** A present-tense sentence. */
  readonly name: string;
  /** Throws an AssertionError where it is not so. */
  readonly check: (deployment: Deployment, meant: MeantDeployment) => void;
}

export const types = {
  identity: 'Microsoft.ManagedIdentity/userAssignedIdentities',
  storageAccount: 'Microsoft.Storage/storageAccounts',
  container: 'Microsoft.Storage/storageAccounts/blobServices/containers',
  queue: 'Microsoft.Storage/storageAccounts/queueServices/queues',
  table: 'Microsoft.Storage/storageAccounts/tableServices/tables',
  roleAssignment: 'Microsoft.Authorization/roleAssignments',
  plan: 'Microsoft.Web/serverfarms',
  site: 'Microsoft.Web/sites',
  publishingPolicy: 'Microsoft.Web/sites/basicPublishingCredentialsPolicies',
  workspace: 'Microsoft.OperationalInsights/workspaces',
  component: 'Microsoft.Insights/components',
  workbook: 'Microsoft.Insights/workbooks',
  alert: 'Microsoft.Insights/scheduledQueryRules',
  actionGroup: 'Microsoft.Insights/actionGroups',
  resourceGroup: 'Microsoft.Resources/resourceGroups',
  application: 'Microsoft.Graph/applications@v1.0',
  credential: 'Microsoft.Graph/applications/federatedIdentityCredentials@v1.0',
  servicePrincipal: 'Microsoft.Graph/servicePrincipals@v1.0',
  appRoleAssignedTo: 'Microsoft.Graph/appRoleAssignedTo@v1.0',
  permissionGrant: 'Microsoft.Graph/oauth2PermissionGrants@v1.0',
  network: 'Microsoft.Network/virtualNetworks',
  natGateway: 'Microsoft.Network/natGateways',
  publicAddress: 'Microsoft.Network/publicIPAddresses',
  privateEndpoint: 'Microsoft.Network/privateEndpoints',
  dnsZone: 'Microsoft.Network/privateDnsZones',
  dnsZoneLink: 'Microsoft.Network/privateDnsZones/virtualNetworkLinks',
  dnsZoneGroup: 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups',
} as const;

/** Gives all resources of a type, in the order of the snapshot. */
export function resourcesOf(deployment: Deployment, type: string): readonly Resource[] {
  return deployment.resources.filter((resource) => resource.type === type);
}

/** Gives the only resource of a type. Throws an AssertionError where there is none or more than one. */
export function onlyResource(deployment: Deployment, type: string): Resource {
  const found = resourcesOf(deployment, type);
  const [resource] = found;
  if (resource === undefined || found.length > 1) {
    throw new AssertionError({ message: `There must be one ${type}, and there are ${found.length}` });
  }
  return resource;
}

/** Gives what is at a path in a resource's properties. */
export function propertyOf(resource: Resource, ...path: readonly (string | number)[]): Json | undefined {
  return at(resource.body['properties'], ...path);
}

/** Gives a text, or the empty one where there is none. */
export function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

/** Gives a list, or an empty one where there is none. */
export function listOf(value: Json | undefined): readonly Json[] {
  return isList(value) ? value : [];
}

/** Gives the app settings by name. Throws an AssertionError where one is there twice. */
export function settingsOf(deployment: Deployment): Readonly<Record<string, string>> {
  const site = onlyResource(deployment, types.site);
  const settings: Record<string, string> = {};
  for (const entry of listOf(propertyOf(site, 'siteConfig', 'appSettings'))) {
    const name = at(entry, 'name');
    const value = at(entry, 'value');
    if (typeof name !== 'string' || typeof value !== 'string' || name in settings) {
      throw new AssertionError({
        message: `${JSON.stringify(entry)} is no setting, or one that is there twice`,
      });
    }
    settings[name] = value;
  }
  return settings;
}

/** The last part of a name such as `account/default/queue`. */
export function lastName(resource: Resource): string {
  return resource.name.split('/').at(-1) ?? '';
}
