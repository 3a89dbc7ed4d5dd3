import { deepEqual, equal } from 'node:assert/strict';
import { parseConfig } from '../../../shared/config/config.ts';
import { settings } from '../../../shared/config/settings.ts';
import type { MeantDeployment } from '../meantDeployments.ts';
import type { Deployment } from '../resolveDeployment.ts';
import * as standIns from '../standIns.ts';
import type { Assertion } from './assertion.ts';
import { onlyResource, settingsOf, types } from './assertion.ts';
import { originOf } from './originOf.ts';

/** Settings that the schema knows and the template leaves alone, each with why. */
export const deliberateDefaults: ReadonlyMap<string, string> = new Map([
  ['WEBSITE_HOSTNAME', 'Azure sets it, and PUBLIC_URL decides'],
  ['AzureWebJobsStorage', 'a connection string has a key in it'],
  ['MICROSOFT_CLIENT_SECRET', 'the identity proves itself; set only for an own application with a secret'],
  ['MICROSOFT_MANAGED_IDENTITY_CLIENT_ID', 'left out only for an own application with a secret'],
  ['ENTRA_GROUPS_CLAIM', 'left out only for an own application that is not set up so'],
  ['ASSIGNED_GROUPS_ACCEPT', 'an answer to the brake, so not before there is a question'],
  ['PROXY_ADMIN_ID', 'nobody, unless chosen'],
  ['ALLOWED_EMAIL_DOMAINS', 'all of the tenant, unless chosen'],
  ['LITELLM_BASE_URL', 'no proxy is connected, unless chosen'],
  ['LITELLM_API_KEY', 'goes with the address of the proxy'],
  ['OTEL_EXPORTER_OTLP_ENDPOINT', 'telemetry goes to Application Insights'],
  ['OTEL_EXPORTER_OTLP_PROTOCOL', 'there is no such endpoint'],
  ['DEVELOPMENT_ENDPOINTS', 'refused in Azure'],
  ['DEVELOPMENT_ENTRA_URL', 'refused in Azure'],
  ['DEVELOPMENT_GRAPH_URL', 'refused in Azure'],
  ['DEVELOPMENT_AUTHORIZE_URL', 'refused in Azure'],
]);

/** What the host and the exporters around the app read, whether the app reads it too or not. */
export const hostSettings = [
  'AzureWebJobsDisableHomepage',
  'AzureWebJobsStorage__blobServiceUri',
  'APPLICATIONINSIGHTS_CONNECTION_STRING',
  'APPLICATIONINSIGHTS_AUTHENTICATION_STRING',
  'OTEL_TRACES_SAMPLER',
  'OTEL_TRACES_SAMPLER_ARG',
] as const;

const reference = /^@Microsoft\.KeyVault\(SecretUri=(.*)\)$/;

/** What is in a vault at that address: at each something else, so that no secret passes for another. */
function secretAt(uri: string): string {
  return `what-is-at-${uri}`;
}

/** The environment of the running app: Azure resolves Key Vault references and adds its own. */
function environmentOf(deployment: Deployment): Readonly<Record<string, string>> {
  const resolved: Record<string, string> = {};
  for (const [name, value] of Object.entries(settingsOf(deployment))) {
    const uri = reference.exec(value)?.[1];
    resolved[name] = uri === undefined ? value : secretAt(uri);
  }
  const { name } = onlyResource(deployment, types.site);
  const azures = { WEBSITE_HOSTNAME: `${name}.azurewebsites.net`, WEBSITE_SITE_NAME: name };
  return { ...resolved, ...azures };
}

/** The settings that a deployment must have: all that the schema knows, without those left out on purpose. */
function expectedNames(meant: MeantDeployment): readonly string[] {
  const known = Object.values(settings).map((setting) => setting.name);
  const set = known.filter((name) => !deliberateDefaults.has(name) || meant.chosenSettings.includes(name));
  return [...new Set([...set, ...hostSettings])];
}

export const settingAssertions: readonly Assertion[] = [
  {
    name: 'the settings parse into the configuration that was meant',
    check: (deployment, meant) => {
      const config = parseConfig(environmentOf(deployment));
      const { application } = meant;
      const own = application.kind === 'own' ? application : undefined;
      equal(config.entra.tenantId, standIns.place.tenantId);
      equal(config.entra.clientId, own?.clientId ?? standIns.application.appId);
      equal(
        config.entra.servicePrincipalId,
        own === undefined ? standIns.servicePrincipal.id : own.servicePrincipalId,
      );
      equal(config.entra.groupsClaimIsApplicationGroup, own?.groupsClaimIsApplicationGroup ?? true);
      equal(config.entra.endpointsAreOverridden, false);
      equal(config.publicUrl, originOf(deployment, meant));
      const { roleMappings, ...rules } = config.rules;
      const { roleMappings: meantMappings, ...meantRules } = meant.rules;
      const assignedGroupsAreKnown = own === undefined || own.servicePrincipalId !== undefined;
      deepEqual(rules, { ...meantRules, assignedGroupsAreKnown });
      deepEqual([...roleMappings], [...meantMappings]);
      deepEqual(config.allowedEmailDomains, meant.allowedEmailDomains);
      equal(config.removalLimitPercent, meant.removalLimitPercent);
      equal(config.assignedGroupsAccept, meant.assignedGroupsAccept);
    },
  },
  {
    name: 'the app proves to Entra who it is as was meant: by its identity, or by a secret that stays in Key Vault',
    check: (deployment, meant) => {
      const { credential } = parseConfig(environmentOf(deployment)).entra;
      const uri = meant.application.kind === 'own' ? meant.application.secretUri : undefined;
      if (uri === undefined) {
        deepEqual(credential, {
          kind: 'federated',
          managedIdentityClientId: standIns.identity.clientId,
        });
        return;
      }
      equal(credential.kind, 'secret');
      equal(settingsOf(deployment)['MICROSOFT_CLIENT_SECRET'], `@Microsoft.KeyVault(SecretUri=${uri})`);
    },
  },
  {
    name: 'the LiteLLM proxy is the one that was meant, with its own key out of Key Vault, or there is none',
    check: (deployment, meant) => {
      const { litellm } = parseConfig(environmentOf(deployment));
      const { proxy } = meant;
      const actual = litellm && { baseUrl: litellm.baseUrl, apiKey: litellm.apiKey.reveal() };
      deepEqual(actual, proxy && { baseUrl: proxy.baseUrl, apiKey: secretAt(proxy.apiKeySecretUri) });
    },
  },
  {
    name: 'every setting that the schema knows is set or left out on purpose, and there is no other',
    check: (deployment, meant) => {
      deepEqual(Object.keys(settingsOf(deployment)).sort(), expectedNames(meant).toSorted());
    },
  },
  {
    name: 'host and app reach storage with the identity',
    check: (deployment) => {
      const account = onlyResource(deployment, types.storageAccount).name;
      const given = settingsOf(deployment);
      const endpoint = (service: string) => `https://${account}.${service}.core.windows.net/`;
      equal(given['AzureWebJobsStorage__credential'], 'managedidentity');
      equal(given['AzureWebJobsStorage__clientId'], standIns.identity.clientId);
      equal(given['AzureWebJobsStorage__blobServiceUri'], endpoint('blob'));
      equal(given['AzureWebJobsStorage__queueServiceUri'], endpoint('queue'));
      equal(given['AzureWebJobsStorage__tableServiceUri'], endpoint('table'));
    },
  },
  {
    name: 'telemetry is sent with the identity, to the resource that the alerts read',
    check: (deployment) => {
      const given = settingsOf(deployment);
      const component = onlyResource(deployment, types.component);
      equal(given['APPLICATIONINSIGHTS_CONNECTION_STRING'], standIns.connectionStringOf(component.name));
      equal(
        given['APPLICATIONINSIGHTS_AUTHENTICATION_STRING'],
        `ClientId=${standIns.identity.clientId};Authorization=AAD`,
      );
    },
  },
  {
    name: 'what the alerts read is not sampled away',
    check: (deployment) => {
      const given = settingsOf(deployment);
      equal(given['OTEL_TRACES_SAMPLER'], 'microsoft.fixed_percentage');
      equal(Number(given['OTEL_TRACES_SAMPLER_ARG']), 1);
    },
  },
  {
    name: "the home page is ours and not Azure's",
    check: (deployment) => equal(settingsOf(deployment)['AzureWebJobsDisableHomepage'], 'true'),
  },
  {
    name: 'no secret is in a setting or an output',
    check: (deployment) => {
      const secretNames = Object.values(settings).filter((setting) => setting.secret);
      const given = settingsOf(deployment);
      for (const { name } of secretNames) {
        const value = given[name];
        equal(value === undefined || value.startsWith('@Microsoft.KeyVault(SecretUri=https://'), true, name);
      }
      const all = JSON.stringify([given, deployment.outputs]);
      equal(/AccountKey=|SharedAccessSignature|sig=|listKeys/i.test(all), false);
    },
  },
];
