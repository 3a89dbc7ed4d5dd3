import { deepEqual, equal } from 'node:assert/strict';
import { isObject } from '../evaluateExpression.ts';
import { outboundAddress } from '../standIns.ts';
import * as standIns from '../standIns.ts';
import type { Assertion } from './assertion.ts';
import { lastName, onlyResource, propertyOf, resourcesOf, settingsOf, types } from './assertion.ts';
import { originOf } from './originOf.ts';

/** What Flex Consumption refuses or takes from elsewhere. */
const forbiddenSettings: ReadonlySet<string> = new Set([
  'FUNCTIONS_WORKER_RUNTIME',
  'FUNCTIONS_EXTENSION_VERSION',
  'WEBSITE_RUN_FROM_PACKAGE',
  'SCM_DO_BUILD_DURING_DEPLOYMENT',
  'ENABLE_ORYX_BUILD',
]);
const forbiddenSiteConfig: ReadonlySet<string> = new Set([
  'linuxFxVersion',
  'ftpsState',
  'use32BitWorkerProcess',
  'netFrameworkVersion',
  'functionAppScaleLimit',
]);
/** What has no region of its own. */
const globalTypes: ReadonlySet<string> = new Set([types.actionGroup, types.dnsZone, types.dnsZoneLink]);

export const siteAssertions: readonly Assertion[] = [
  {
    name: 'the site answers https only, with TLS 1.2',
    check: (deployment) => {
      const site = onlyResource(deployment, types.site);
      equal(propertyOf(site, 'httpsOnly'), true);
      equal(propertyOf(site, 'siteConfig', 'minTlsVersion'), '1.2');
    },
  },
  {
    name: 'FTP and SCM take no user name and password',
    check: (deployment) => {
      const policies = resourcesOf(deployment, types.publishingPolicy);
      deepEqual(policies.map((policy) => lastName(policy)).sort(), ['ftp', 'scm']);
      for (const policy of policies) equal(propertyOf(policy, 'allow'), false);
    },
  },
  {
    name: 'the site runs Node 24 on a Flex Consumption plan for Linux',
    check: (deployment) => {
      const plan = onlyResource(deployment, types.plan);
      const site = onlyResource(deployment, types.site);
      deepEqual(plan.body['sku'], { name: 'FC1', tier: 'FlexConsumption' });
      equal(plan.body['kind'], 'functionapp');
      equal(propertyOf(plan, 'reserved'), true);
      equal(site.body['kind'], 'functionapp,linux');
      equal(propertyOf(site, 'serverFarmId'), plan.id);
      deepEqual(propertyOf(site, 'functionAppConfig', 'runtime'), { name: 'node', version: '24' });
      // Any instance can answer: nothing of a person is in memory.
      equal(propertyOf(site, 'clientAffinityEnabled'), false);
    },
  },
  {
    name: 'the site scales as chosen and no further',
    check: (deployment, meant) => {
      const site = onlyResource(deployment, types.site);
      deepEqual(propertyOf(site, 'functionAppConfig', 'scaleAndConcurrency'), meant.scale);
    },
  },
  {
    name: 'the site has the one identity, and resolves Key Vault references with it',
    check: (deployment) => {
      const site = onlyResource(deployment, types.site);
      const { id } = onlyResource(deployment, types.identity);
      deepEqual(site.body['identity'], { type: 'UserAssigned', userAssignedIdentities: { [id]: {} } });
      equal(propertyOf(site, 'keyVaultReferenceIdentity'), id);
    },
  },
  {
    name: 'nothing is set that Flex Consumption refuses',
    check: (deployment) => {
      const names = Object.keys(settingsOf(deployment));
      const forbidden = names.filter(
        (name) => forbiddenSettings.has(name) || name.startsWith('WEBSITE_CONTENT'),
      );
      deepEqual(forbidden, []);
      const siteConfig = propertyOf(onlyResource(deployment, types.site), 'siteConfig');
      const configured = isObject(siteConfig) ? Object.keys(siteConfig) : [];
      deepEqual(
        configured.filter((name) => forbiddenSiteConfig.has(name)),
        [],
      );
    },
  },
  {
    name: 'azd finds the environment and the app by their tags',
    check: (deployment, meant) => {
      for (const resource of deployment.resources.filter((each) => 'location' in each.body)) {
        const service = resource.type === types.site ? { 'azd-service-name': 'app' } : {};
        deepEqual(resource.body['tags'], { 'azd-env-name': meant.environmentName, ...service }, resource.id);
      }
    },
  },
  {
    name: 'everything is in the region',
    check: (deployment, meant) => {
      for (const resource of deployment.resources.filter((each) => 'location' in each.body)) {
        const expected = globalTypes.has(resource.type) ? 'global' : meant.location;
        equal(resource.body['location'], expected, resource.id);
      }
    },
  },
  {
    name: 'names are unique, the same at every run, and short enough',
    check: (deployment, meant) => {
      const identity = onlyResource(deployment, types.identity).name;
      const token = /^id-([a-z0-9]{13})$/.exec(identity)?.[1] ?? 'no hash in the name of the identity';
      const expected: Readonly<Record<string, string>> = {
        [types.resourceGroup]: meant.resourceGroupName,
        [types.site]: meant.functionAppName ?? `func-${token}`,
        [types.storageAccount]: meant.storageAccountName ?? `st${token}`,
        [types.plan]: `plan-${token}`,
        [types.workspace]: `log-${token}`,
        [types.component]: `appi-${token}`,
      };
      for (const [type, name] of Object.entries(expected)) {
        equal(onlyResource(deployment, type).name, name);
      }
      const withHash: Readonly<Record<string, string>> = {
        [types.actionGroup]: `ag-${token}`,
        [types.network]: `vnet-${token}`,
        [types.natGateway]: `ng-${token}`,
        [types.publicAddress]: `pip-${token}`,
      };
      for (const [type, name] of Object.entries(withHash)) {
        for (const resource of resourcesOf(deployment, type)) equal(resource.name, name);
      }
      const endpoints = resourcesOf(deployment, types.privateEndpoint).map((endpoint) => endpoint.name);
      for (const name of endpoints) equal(/^pe-(?:blob|queue|table)-([a-z0-9]+)$/.exec(name)?.[1], token);
      equal(/^[a-z0-9]{3,24}$/.test(onlyResource(deployment, types.storageAccount).name), true);
      equal(/^[A-Za-z0-9-]{2,60}$/.test(onlyResource(deployment, types.site).name), true);
      const ids = deployment.resources.map((resource) => resource.id.toLowerCase()).filter((id) => id !== '');
      equal(new Set(ids).size, ids.length);
    },
  },
  {
    name: 'the outputs say what was deployed',
    check: (deployment, meant) => {
      const account = onlyResource(deployment, types.storageAccount).name;
      const site = onlyResource(deployment, types.site).name;
      const { application } = meant;
      const own = application.kind === 'own' ? application : undefined;
      deepEqual(deployment.outputs, {
        AZURE_RESOURCE_GROUP: meant.resourceGroupName,
        DEPLOYED_FUNCTION_APP_NAME: site,
        DEPLOYED_FUNCTION_APP_HOST: `${site}.azurewebsites.net`,
        DEPLOYED_SITE_URL: originOf(deployment, meant),
        DEPLOYED_REDIRECT_URI: `${originOf(deployment, meant)}/sso/callback`,
        DEPLOYED_ENTRA_CLIENT_ID: own?.clientId ?? standIns.application.appId,
        DEPLOYED_ENTRA_SERVICE_PRINCIPAL_ID:
          own === undefined ? standIns.servicePrincipal.id : (own.servicePrincipalId ?? ''),
        DEPLOYED_FEDERATED_CREDENTIAL_SUBJECT: standIns.identity.principalId,
        DEPLOYED_STORAGE_ACCOUNT_ID: onlyResource(deployment, types.storageAccount).id,
        DEPLOYED_APPLICATION_INSIGHTS_ID: onlyResource(deployment, types.component).id,
        DEPLOYED_QUEUE_ENDPOINT: `https://${account}.queue.core.windows.net/`,
        DEPLOYED_TABLE_ENDPOINT: `https://${account}.table.core.windows.net/`,
        DEPLOYED_OUTBOUND_ADDRESS: meant.network === undefined ? '' : outboundAddress,
      });
    },
  },
];
