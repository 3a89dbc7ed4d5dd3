/**
 * Rules that a snapshot cannot state, because it accepts any change. They read the accepted snapshots and need no compiler;
 * `bicep.test.ts` proves that the snapshots match the template.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { repositoryDir } from '../../dev/infra/infraCheck.ts';
import { TABLES } from '../../shared/storage/tables/tableNames.ts';
import { parseConfig } from '../../shared/config/config.ts';
import { settings } from '../../shared/config/settings.ts';
import type { Json } from '../../dev/infra/snapshots.ts';
import { GLOBAL_ROLES } from '../../shared/model/entities.ts';
import { MAX_DELIVERIES, QUEUES } from '../../shared/queue/queueMessage.ts';
import { readQueryNames } from '../support/queryNames.ts';
import {
  at,
  deployments,
  listOf,
  moduleResources,
  requireDeployment,
  resourcesOfType,
  settingsOf,
  template,
  objectAt,
  textAt,
} from './acceptedSnapshots.ts';

const read = (file: string): string => readFileSync(join(repositoryDir, file), 'utf8');
const readAll = (folder: string): string =>
  readdirSync(join(repositoryDir, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => read(join(folder, file)))
    .join('\n');
const everything = JSON.stringify([template, deployments]);
/** Deployments that create no application in Entra. */
const withoutApplication = new Set(['ownApplication', 'ownApplicationSecret']);

describe('the template', () => {
  it('reads no keys of any resource', () => {
    expect([...everything.matchAll(/\b(?:list[A-Z]\w*|getSecret)\(/g)].map(([call]) => call)).toEqual([]);
  });

  it('contains no connection string with a key and no signed address', () => {
    expect(everything).not.toMatch(/AccountKey=|SharedAccessKey|SharedAccessSignature|[?&]sig=/i);
  });

  it('has no secure parameter and no secure output', () => {
    expect(everything).not.toMatch(/"type":"secure/i);
  });

  it('sets secret settings only as references to Key Vault', () => {
    const names = Object.values(settings).filter(({ secret }) => secret);
    const values = deployments.flatMap((each) => names.map(({ name }) => settingsOf(each)[name] ?? ''));
    const given = values.filter((value) => value !== '');
    expect(given.length).toBe(2);
    expect(given.filter((value) => !value.startsWith('@Microsoft.KeyVault(SecretUri=https://'))).toEqual([]);
  });

  it('creates no secret for the application in Entra, which authenticates with the managed identity', () => {
    expect(everything).not.toMatch(/passwordCredentials|keyCredentials/);
    for (const deployment of deployments) {
      const type = 'Microsoft.Graph/applications/federatedIdentityCredentials';
      const subjects = resourcesOfType(deployment, type).map((each) => at(each, 'properties', 'subject'));
      const isMade = !withoutApplication.has(deployment.name);
      expect(subjects).toEqual(isMade ? ["[reference('identity').outputs.principalId.value]"] : []);
    }
  });
});

describe.each(deployments)('the deployment $name', (deployment) => {
  const [account] = resourcesOfType(deployment, 'Microsoft.Storage/storageAccounts');

  it('accepts no keys, neither for storage nor for telemetry', () => {
    expect(at(account, 'properties')).toMatchObject({ allowSharedKeyAccess: false });
    for (const type of ['Microsoft.OperationalInsights/workspaces', 'Microsoft.Insights/components']) {
      const properties = JSON.stringify(resourcesOfType(deployment, type)).toLowerCase();
      expect(properties).toContain('"disablelocalauth":true');
    }
  });

  it('has no public blob', () => {
    expect(at(account, 'properties')).toMatchObject({ allowBlobPublicAccess: false });
    const containers = resourcesOfType(
      deployment,
      'Microsoft.Storage/storageAccounts/blobServices/containers',
    );
    expect(containers.map((each) => at(each, 'properties', 'publicAccess'))).toEqual(['None']);
  });

  it('answers only https with TLS 1.2', () => {
    const [site] = resourcesOfType(deployment, 'Microsoft.Web/sites');
    expect(at(account, 'properties')).toMatchObject({
      supportsHttpsTrafficOnly: true,
      minimumTlsVersion: 'TLS1_2',
    });
    expect(at(site, 'properties')).toMatchObject({ httpsOnly: true, siteConfig: { minTlsVersion: '1.2' } });
  });

  it('accepts no user name and password over FTP or SCM', () => {
    const type = 'Microsoft.Web/sites/basicPublishingCredentialsPolicies';
    const policies = resourcesOfType(deployment, type).map((each) => at(each, 'properties', 'allow'));
    expect(policies).toEqual([false, false]);
  });
});

describe('rights', () => {
  /** All roles of the identity, each with the kind of resource to which it applies. */
  const allowed = [
    'b7e6dc6d-f1e8-4753-8033-0f276bb0955b on storageAccounts', // Storage Blob Data Owner
    '974c5e8b-45b9-4653-ba55-5f855dd0fb88 on storageAccounts', // Storage Queue Data Contributor
    '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3 on storageAccounts', // Storage Table Data Contributor
    '3913510d-42f4-4e42-8a64-420c390055eb on components', // Monitoring Metrics Publisher
  ];
  const principal = "[reference('identity').outputs.principalId.value]";

  it.each(deployments)('of the identity are four roles, each on one resource: $name', (deployment) => {
    const assigned = resourcesOfType(deployment, 'Microsoft.Authorization/roleAssignments').map((each) => {
      const role = textAt(each, 'properties', 'roleDefinitionId').split('/').at(-1);
      const scope = /^\[extensionResourceId\('[^']*\/(\w+)\/[^'/]+',/.exec(textAt(each, 'id'))?.[1];
      expect(at(each, 'properties')).toMatchObject({
        principalId: principal,
        principalType: 'ServicePrincipal',
      });
      return `${role} on ${scope}`;
    });
    expect(assigned.sort()).toEqual(deployment.name === 'ownApplication' ? [] : allowed.toSorted());
  });

  it('are named after scope, identity and role, so that a new identity gets new ones', () => {
    for (const each of Object.values(objectAt(moduleResources('roles')))) {
      const scope = textAt(each, 'scope').slice(1, -1);
      expect(textAt(each, 'name').startsWith(`[guid(${scope}, parameters('principalId'), `)).toBe(true);
    }
  });

  it('include three Graph permissions, which are granted only if that is chosen', () => {
    const { applicationPermissions, delegatedPermission } = objectAt(
      template,
      'resources',
      'entra',
      'properties',
      'template',
      'variables',
    );
    expect(applicationPermissions).toEqual(['GroupMember.Read.All', 'Application.Read.All']);
    expect(delegatedPermission).toBe('User.Read');
    const granted = deployments.map((deployment) => [
      deployment.name,
      resourcesOfType(deployment, 'Microsoft.Graph/appRoleAssignedTo').length,
      resourcesOfType(deployment, 'Microsoft.Graph/oauth2PermissionGrants').length,
    ]);
    expect(granted.filter(([, roles, scopes]) => roles !== 0 || scopes !== 0)).toEqual([
      ['everythingChosen', 2, 1],
    ]);
  });

  it('include the app roles that the code reads, with ids that never change', () => {
    const [application] = resourcesOfType(requireDeployment('default'), 'Microsoft.Graph/applications');
    const roles = listOf(at(application, 'properties', 'appRoles'));
    const ids = Object.fromEntries(roles.map((role) => [textAt(role, 'value'), at(role, 'id')]));
    expect(ids).toEqual({
      proxy_admin: 'cb200615-3642-5b5d-ae71-c82969897ac3',
      proxy_admin_viewer: '987f3034-9e4d-5df1-b2e8-08107240e221',
      internal_user: 'ca873cf1-3fab-515a-8e37-f1cb4ef44373',
      internal_user_viewer: 'ddbd7519-836e-5e84-b9a1-88ba70fee53d',
      org_admin: 'c3829839-0c98-536b-93dd-403435e77500',
    });
    expect(Object.keys(ids).sort()).toEqual([...GLOBAL_ROLES, 'org_admin'].sort());
  });
});

describe('the order', () => {
  it.each([
    ['functionApp', ['entra', 'identity', 'monitoring', 'network', 'roles', 'storage']],
    ['roles', ['identity', 'monitoring', 'storage']],
    ['workbook', ['monitoring']],
    ['alerts', ['monitoring']],
    ['network', ['storage']],
    ['entra', ['identity']],
  ])('starts %s after %j', (module, needed) => {
    expect(listOf(at(template, 'resources', module, 'dependsOn'))).toEqual(expect.arrayContaining(needed));
  });

  it('names private endpoints after their zones are linked to the network', () => {
    const zoneGroups = listOf(at(moduleResources('network'), 'zoneGroups', 'dependsOn'));
    expect(zoneGroups).toContain("[format('zoneLinks[{0}]', copyIndex())]");
  });
});

describe('names', () => {
  it('contain a hash of subscription, environment and region', () => {
    const token = textAt(template, 'variables', 'token');
    for (const part of [
      'subscription().subscriptionId',
      "parameters('environmentName')",
      "parameters('location')",
    ]) {
      expect(token).toContain(part);
    }
    const ids = Object.keys(requireDeployment('default').resources);
    const own = ids.filter((id) =>
      /^\/subscriptions\/[^/]+\/resourceGroups\/[^/]+\/providers\/[^/]+\/\w+\/[^/]+$/.test(id),
    );
    // The name of the workbook is a hash of the workspace's id.
    const withoutToken = own.filter((id) => !id.endsWith('7qyfx5j7g2pgy') && !id.includes('/workbooks/'));
    expect(own.length).toBeGreaterThan(8);
    expect(withoutToken).toEqual([]);
  });

  it('are unique in a deployment, even if case is ignored', () => {
    for (const { resources } of deployments) {
      const ids = Object.keys(resources).map((id) => id.toLowerCase());
      expect(new Set(ids).size).toBe(ids.length);
    }
  });

  it('of queues and tables match the code', () => {
    const [queues, tables] = ['queueServices/queues', 'tableServices/tables'].map((kind) =>
      resourcesOfType(requireDeployment('default'), `Microsoft.Storage/storageAccounts/${kind}`).map((each) =>
        textAt(each, 'name').split('/').at(-1),
      ),
    );
    expect(queues?.toSorted()).toEqual(QUEUES.toSorted());
    expect(tables?.toSorted()).toEqual(Object.values(TABLES).sort());
  });
});

describe('settings', () => {
  const known = new Set(Object.values(settings).map(({ name }) => name));
  const deployed = new Set(deployments.flatMap((deployment) => Object.keys(settingsOf(deployment))));
  /** The settings that the Functions host and the exporters read. */
  const readByTheHost = [
    'AzureWebJobsDisableHomepage',
    'AzureWebJobsStorage__blobServiceUri',
    'OTEL_TRACES_SAMPLER',
    'OTEL_TRACES_SAMPLER_ARG',
  ];

  it('are all read, by the code or by the host', () => {
    expect([...deployed].filter((name) => !known.has(name)).sort()).toEqual(readByTheHost);
  });

  it('include all that the code reads, except those for other environments', () => {
    expect([...known].filter((name) => !deployed.has(name)).sort()).toEqual([
      'AzureWebJobsStorage', // has a key in it
      'DEVELOPMENT_AUTHORIZE_URL', // refused in Azure
      'DEVELOPMENT_ENDPOINTS',
      'DEVELOPMENT_ENTRA_URL',
      'DEVELOPMENT_GRAPH_URL',
      'OTEL_EXPORTER_OTLP_ENDPOINT', // telemetry goes to Application Insights
      'OTEL_EXPORTER_OTLP_PROTOCOL',
      'WEBSITE_HOSTNAME', // set by Azure
    ]);
  });

  it.each(deployments)('are a valid configuration: $name', (deployment) => {
    const config = parseConfig(environmentOf(deployment));
    expect(`${config.publicUrl}/sso/callback`).toBe(at(deployment.outputs, 'DEPLOYED_REDIRECT_URI'));
    const usesSecret = deployment.name === 'ownApplicationSecret';
    expect(config.entra.credential.kind).toBe(usesSecret ? 'secret' : 'federated');
    expect(config.litellm !== undefined).toBe(deployment.name === 'connectedProxy');
    const [application] = resourcesOfType(deployment, 'Microsoft.Graph/applications');
    const isMade = !withoutApplication.has(deployment.name);
    const redirectUris = isMade ? [`${config.publicUrl}/sso/callback`] : undefined;
    expect(at(application, 'properties', 'web', 'redirectUris')).toEqual(redirectUris);
  });

  it('include none that Flex Consumption refuses', () => {
    const refused =
      /^(?:FUNCTIONS_WORKER_RUNTIME|FUNCTIONS_EXTENSION_VERSION|WEBSITE_(?:RUN_FROM_PACKAGE|CONTENT.*)|SCM_DO_BUILD.*|ENABLE_ORYX.*)$/;
    expect([...deployed].filter((name) => refused.test(name))).toEqual([]);
  });

  it('share no name with an output, because azd would read the output as a choice', () => {
    const chosen = [...read('infra/main.bicepparam').matchAll(/readEnvironmentVariable\('(\w+)'/g)].map(
      ([, name]) => name,
    );
    const outputs = Object.keys(objectAt(template, 'outputs'));
    expect(chosen.length).toBe(Object.keys(objectAt(template, 'parameters')).length);
    expect(outputs.filter((name) => chosen.includes(name))).toEqual([]);
  });

  /** Returns the environment of the running app, with made-up values for everything that Azure computes or keeps in a vault. */
  function environmentOf(deployment: (typeof deployments)[number]): Readonly<Record<string, string>> {
    const guid = '33333333-4444-4555-8666-777777777777';
    const computed: Readonly<Record<string, string>> = {
      AzureWebJobsStorage__blobServiceUri: 'https://contoso.blob.core.windows.net/',
      AzureWebJobsStorage__queueServiceUri: 'https://contoso.queue.core.windows.net/',
      AzureWebJobsStorage__tableServiceUri: 'https://contoso.table.core.windows.net/',
      APPLICATIONINSIGHTS_CONNECTION_STRING: `InstrumentationKey=${guid}`,
      APPLICATIONINSIGHTS_AUTHENTICATION_STRING: `ClientId=${guid};Authorization=AAD`,
      MICROSOFT_SERVICE_PRINCIPAL_ID: '44444444-4444-4555-8666-777777777777',
    };
    const running: Record<string, string> = { WEBSITE_SITE_NAME: 'contoso' };
    for (const [name, value] of Object.entries(settingsOf(deployment))) {
      const isSecret = value.startsWith('@Microsoft.KeyVault');
      running[name] = isSecret
        ? 'what-is-in-the-vault'
        : value.startsWith('[')
          ? (computed[name] ?? guid)
          : value;
    }
    return running;
  }
});

describe('bicepconfig.json', () => {
  it('has no rules for the linter, because azd chooses the compiler and new rules must not stop a deployment', () => {
    const config: unknown = JSON.parse(read('infra/bicepconfig.json'));
    expect(config).toMatchObject({ extensions: {} });
    expect(config).not.toHaveProperty('analyzers');
    const nested = readdirSync(join(repositoryDir, 'infra'), { recursive: true, encoding: 'utf8' });
    expect(nested.filter((file) => /^(?!snapshots).*bicepconfig\.json$/.test(file))).toEqual([
      'bicepconfig.json',
    ]);
  });
});

describe('host.json', () => {
  const host: unknown = JSON.parse(read('host.json'));

  it('logs no single request to storage, and still logs that a message was moved, which an alert reads', () => {
    expect(host).toMatchObject({
      logging: {
        logLevel: {
          default: 'Information',
          'Azure.Core': 'Warning',
          // The host writes "Message has reached MaxDequeueCount" as a warning.
          'Microsoft.Azure.WebJobs.Extensions.Storage.Common.Listeners.QueueListener': 'Warning',
        },
      },
    });
  });

  it('delivers a message as often as the code expects', () => {
    expect(host).toMatchObject({ extensions: { queues: { maxDequeueCount: MAX_DELIVERIES } } });
  });

  it('reads messages in base64, as the code writes them', () => {
    expect(host).toMatchObject({ extensions: { queues: { messageEncoding: 'base64' } } });
    expect(readAll('shared')).toContain("'base64'");
  });

  it('serves the callback at the address that is registered in Entra', () => {
    expect(host).toMatchObject({ extensions: { http: { routePrefix: '' } } });
    expect(readAll('functions')).toContain("route: 'sso/callback'");
  });
});

describe('queries', () => {
  const usual = requireDeployment('default');
  const alerts = resourcesOfType(usual, 'Microsoft.Insights/scheduledQueryRules').map((alert) => [
    `alert ${textAt(alert, 'properties', 'displayName')}`,
    textAt(alert, 'properties', 'criteria', 'allOf', 0, 'query'),
  ]);
  const [workbook] = resourcesOfType(usual, 'Microsoft.Insights/workbooks');
  const charts = listOf(at(workbook, 'properties', 'serializedData', '(JSON)', 'items')).flatMap((item) => {
    const query = at(item, 'content', 'query');
    return query === undefined ? [] : [[`chart ${textAt(item, 'name')}`, textAt(query)]];
  });
  const source = readAll('shared') + readAll('functions');
  const eventNames = /type EventName =([^;]+);/.exec(source)?.[1] ?? '';

  it.each([...alerts, ...charts])('use only names that the code writes: %s', (_title, query = '') => {
    const { events, codes, members, columns } = readQueryNames(query);
    expect(events.filter((event) => !eventNames.includes(`'${event}'`))).toEqual([]);
    expect(codes.filter((code) => !source.includes(`'${code}'`))).toEqual([]);
    const isWritten = (member: string): boolean => new RegExp(`\\b${member}[:,]`).test(source);
    expect(members.filter((member) => !isWritten(member))).toEqual([]);
    const known = new Set(['AppTraces', 'Message', 'TimeGenerated']);
    expect(columns.filter((column) => !known.has(column))).toEqual([]);
  });

  it('raise an alert if no heartbeat succeeded for 30 minutes, even if the workspace has no lines at all', () => {
    const { windowSize, query, operator, threshold } = alertNamed('alert-heartbeat-');
    expect([windowSize, operator, threshold]).toEqual(['PT30M', 'GreaterThan', 0]);
    // A table that does not exist is left out, and `summarize` without `by` answers one row for no lines.
    expect(query).toMatch(/^union isfuzzy=true AppTraces, \(datatable\(/);
    expect(query).toMatch(
      /summarize beats = countif\(event == "heartbeat" and isempty\(code\)\)\n\| where beats == 0\n$/,
    );
  });

  it.each([
    ['alert-timer-', 'todouble(timer.ageSeconds) > 2 * todouble(timer.periodSeconds)'],
    ['alert-queue-', 'todouble(queue.oldestSeconds) > 600'],
  ])('raise %s by what each heartbeat says, and look at a whole one each time', (name, condition) => {
    const { windowSize, query } = alertNamed(name);
    expect(query).toContain(`| where ${condition}\n`);
    // Longer than the 10 minutes from one heartbeat to the next, so that the alert lasts as long as its reason.
    expect(windowSize).toBe('PT15M');
  });

  it('never raise an alert by the age of a queue function', () => {
    expect(alerts.map(([, query = '']) => query).join('\n')).not.toMatch(/queueFunction|succeeded/i);
  });

  function alertNamed(prefix: string) {
    const found = resourcesOfType(usual, 'Microsoft.Insights/scheduledQueryRules').find((alert) =>
      textAt(alert, 'name').startsWith(prefix),
    );
    const criterion = at(found, 'properties', 'criteria', 'allOf', 0);
    return {
      windowSize: textAt(found, 'properties', 'windowSize'),
      query: textAt(criterion, 'query'),
      operator: at(criterion, 'operator'),
      threshold: at(criterion, 'threshold'),
    };
  }

  it('select the poison queues that exist', () => {
    const moved = alerts.flatMap(([, query = '']) => [...query.matchAll(/endswith "'([\w-]+)'\."/g)]);
    const poison = QUEUES.filter((queue) => queue.endsWith('-poison'));
    expect(moved.map(([, queue = '']) => queue).sort()).toEqual([...poison].sort());
  });
});

describe('every resource', () => {
  it('is the same by default and if nothing is chosen in azd', () => {
    expect(requireDeployment('main').resources).toEqual(requireDeployment('default').resources);
  });

  it('uses no preview API', () => {
    const versions = [...everything.matchAll(/"apiVersion":"([^"]+)"/g)].map(([, version = '']) => version);
    expect(versions.length).toBeGreaterThan(100);
    expect(versions.filter((version) => !/^\d{4}-\d{2}-\d{2}$/.test(version))).toEqual([]);
  });

  it('has the tags by which azd finds the environment and the app', () => {
    const [site] = resourcesOfType(requireDeployment('default'), 'Microsoft.Web/sites');
    const service = textAt(site, 'tags', 'azd-service-name');
    expect(read('azure.yaml')).toContain(`services:\n  ${service}:\n`);
    for (const { name, resources } of deployments) {
      const tagged = Object.values(resources).filter((each) => at(each, 'location') !== undefined);
      const environments = new Set(tagged.map((each) => at(each, 'tags', 'azd-env-name')));
      expect([...environments]).toEqual([name === 'everythingChosen' ? 'contoso-test' : 'contoso']);
    }
  });

  it.each([
    ['everythingChosen', { costCenter: '4711', owner: 'platform@contoso.example' }],
    ['existingGroup', { costCenter: '4711' }],
  ])('that can have tags has the chosen ones: %s', (name, chosen) => {
    const { resources } = requireDeployment(name);
    // Azure accepts tags exactly where it asks for a location, and for no child resource here.
    const tagged = Object.values(resources).filter((each) => at(each, 'location') !== undefined);
    expect(tagged.length).toBeGreaterThan(15);
    for (const each of tagged) expect(at(each, 'tags')).toMatchObject(chosen);
  });
});

describe('the resource group', () => {
  const groups = (name: string): readonly Json[] =>
    resourcesOfType(requireDeployment(name), 'Microsoft.Resources/resourceGroups');

  it('is created with the tags', () => {
    expect(groups('default').map((each) => at(each, 'tags'))).toEqual([{ 'azd-env-name': 'contoso' }]);
    const [chosen] = groups('everythingChosen');
    expect(at(chosen, 'name')).toBe('ai-access');
    expect(at(chosen, 'tags', 'costCenter')).toBe('4711');
  });

  it('is neither created, changed nor tagged if it exists, and everything is in it', () => {
    expect(groups('existingGroup')).toEqual([]);
    const { resources, outputs } = requireDeployment('existingGroup');
    const elsewhere = Object.keys(resources).filter(
      (id) => id.startsWith('/subscriptions/') && !id.includes('/resourceGroups/landing-zone/providers/'),
    );
    expect(elsewhere).toEqual([]);
    expect(at(outputs, 'AZURE_RESOURCE_GROUP')).toBe('landing-zone');
    const { existingGroup, group } = objectAt(template, 'resources');
    expect(existingGroup).toMatchObject({ existing: true, name: "[parameters('existingResourceGroup')]" });
    expect(at(group, 'condition')).toBe("[not(variables('usesExistingGroup'))]");
  });
});
