/**
 * Every setting, described once: what reads it, what the faults say about it and what `docs/settings.md` lists (a test
 * compares the two).
 */
import * as values from './settingValues.ts';
import type { ValueSchema } from './settingValues.ts';

/** One setting. */
export interface Setting<T> {
  readonly name: string;
  readonly schema: ValueSchema<T>;
  /** `required`, `optional`, or the condition in words. */
  readonly presence: string;
  /** The text that stands in where the setting is not set. */
  readonly default?: string;
  /** Its value must not be shown anywhere. */
  readonly secret: boolean;
  /** One sentence on what it decides. */
  readonly decides: string;
  /** What is valid, as the end of "valid is …". */
  readonly valid: string;
  readonly example: string;
}

/** A setting that always has a value. */
export interface DefaultedSetting<T> extends Setting<T> {
  readonly default: string;
}

type Described<T> = Pick<Setting<T>, 'name' | 'schema' | 'decides' | 'valid' | 'example'>;

const required = <T>(described: Described<T>): Setting<T> => ({
  ...described,
  presence: 'required',
  secret: false,
});
const optional = <T>(described: Described<T>): Setting<T> => ({
  ...described,
  presence: 'optional',
  secret: false,
});
const either = <T>(condition: string, described: Described<T>): Setting<T> => ({
  ...described,
  presence: condition,
  secret: false,
});
const secret = <T>(setting: Setting<T>): Setting<T> => ({ ...setting, secret: true });
const defaulted = <T>(standIn: string, described: Described<T>): DefaultedSetting<T> => ({
  ...described,
  presence: 'optional',
  default: standIn,
  secret: false,
});

const entra = {
  tenant: required({
    name: 'MICROSOFT_TENANT',
    schema: values.tenantGuid,
    decides: 'The one Entra tenant whose people may sign in.',
    valid:
      "the GUID of one organization's tenant; names such as `common` or `contoso.onmicrosoft.com` would not bind the sign-in to one tenant",
    example: '11111111-2222-3333-4444-555555555555',
  }),
  clientId: required({
    name: 'MICROSOFT_CLIENT_ID',
    schema: values.guid,
    decides: 'The app registration that people sign in to (its application id).',
    valid: 'a GUID: the application (client) id of the app registration',
    example: '22222222-3333-4444-5555-666666666666',
  }),
  clientSecret: secret(
    either('this or `MICROSOFT_MANAGED_IDENTITY_CLIENT_ID`', {
      name: 'MICROSOFT_CLIENT_SECRET',
      schema: values.text,
      decides:
        'The app registration proves itself with this secret; in Azure use the managed identity instead.',
      valid: "the value (not the id) of one of the app registration's client secrets",
      example: 'the-value-not-the-id',
    }),
  ),
  managedIdentityClientId: either('this or `MICROSOFT_CLIENT_SECRET`', {
    name: 'MICROSOFT_MANAGED_IDENTITY_CLIENT_ID',
    schema: values.guid,
    decides:
      "The app registration proves itself with this managed identity's token (federated credential): no secret anywhere.",
    valid: 'a GUID: the client id of the user-assigned managed identity',
    example: '33333333-4444-5555-6666-777777777777',
  }),
  servicePrincipalId: optional({
    name: 'MICROSOFT_SERVICE_PRINCIPAL_ID',
    schema: values.guid,
    decides:
      'The Enterprise Application whose assigned groups count and become teams and organizations; without it people only join what already exists under the id of a group they have.',
    valid: 'a GUID: the object id of the Enterprise Application (not its application id)',
    example: '44444444-5555-6666-7777-888888888888',
  }),
  groupsClaim: optional({
    name: 'ENTRA_GROUPS_CLAIM',
    schema: values.oneOf('ApplicationGroup'),
    decides:
      'Says that the app registration puts exactly the assigned groups into the token (`groupMembershipClaims`), so that a sign-in needs no call to Graph.',
    valid:
      '`ApplicationGroup`, or not set; `SecurityGroup` and `All` put nested groups into the token, which do not have the application, so they cannot be used',
    example: 'ApplicationGroup',
  }),
};

const provisioned = {
  groupsAlsoCreateOrgs: defaulted('false', {
    name: 'ENTRA_GROUPS_ALSO_CREATE_ORGS',
    schema: values.trueOrFalse,
    decides: 'Whether an assigned group also becomes an organization, with its team inside.',
    valid: '`true` or `false`, in any case',
    example: 'true',
  }),
  defaultTeamParams: defaulted('{}', {
    name: 'DEFAULT_TEAM_PARAMS',
    schema: values.teamParams,
    decides:
      'What a new team (or, with organizations, the new organization) starts with; nothing set means no limits and no named models.',
    valid:
      'a JSON object with any of models, max_budget, budget_duration, tpm_limit, rpm_limit, team_member_permissions',
    example: '{"models":["gpt-4","gpt-3.5-turbo"],"max_budget":1000,"budget_duration":"30d"}',
  }),
  orgTeamBudget: defaulted('inherit', {
    name: 'ORG_TEAM_BUDGET',
    schema: values.oneOf('inherit', 'copy'),
    decides:
      'Whether a new team inside an organization has no budget and limits of its own (`inherit`) or a copy of `DEFAULT_TEAM_PARAMS`, clamped to what the organization allows (`copy`).',
    valid: '`inherit` or `copy`',
    example: 'copy',
  }),
  membershipSyncMode: defaulted('full', {
    name: 'MEMBERSHIP_SYNC_MODE',
    schema: values.oneOf('full', 'additive'),
    decides:
      'Whether a membership that Entra granted ends when the person leaves the group (`full`) or stays (`additive`).',
    valid: '`full` or `additive`',
    example: 'additive',
  }),
  removalLimitPercent: defaulted('20', {
    name: 'REMOVAL_LIMIT_PERCENT',
    schema: values.percent,
    decides:
      'The brake: a new list of assigned groups that lost more than this share of at least 10 groups is not accepted.',
    valid: 'a whole number from 0 to 100',
    example: '50',
  }),
  assignedGroupsAccept: optional({
    name: 'ASSIGNED_GROUPS_ACCEPT',
    schema: values.id,
    decides:
      'Accepts, once, the list that the brake holds back, by the version that the health detail names; remove it afterwards.',
    valid: 'the version of a list: up to 128 letters, digits, dots, hyphens and underscores',
    example: '5f0c1e2ab34d',
  }),
};

const people = {
  defaultUserParams: defaulted('{}', {
    name: 'DEFAULT_INTERNAL_USER_PARAMS',
    schema: values.userParams,
    decides:
      'What a new user starts with; the role holds where neither an app role nor a mapped group gives one.',
    valid: 'a JSON object with any of user_role, max_budget, budget_duration, models',
    example: '{"user_role":"internal_user","max_budget":20,"budget_duration":"30d"}',
  }),
  roleMappings: defaulted('{}', {
    name: 'ROLE_MAPPINGS',
    schema: values.roleMappings,
    decides: 'Which global role the members of a group have, where no app role gives one.',
    valid:
      'a JSON object from group id to one of proxy_admin, proxy_admin_viewer, internal_user, internal_user_viewer, each group once',
    example: '{"55555555-6666-7777-8888-999999999999":"proxy_admin_viewer"}',
  }),
  proxyAdminId: optional({
    name: 'PROXY_ADMIN_ID',
    schema: values.id,
    decides: 'The one person who is always `proxy_admin`.',
    valid: "the person's Entra object id (not an email)",
    example: '66666666-7777-8888-9999-000000000000',
  }),
  allowedEmailDomains: optional({
    name: 'ALLOWED_EMAIL_DOMAINS',
    schema: values.domains,
    decides: 'The email domains whose people may sign in; not set allows all of the tenant.',
    valid: 'domains with commas between them, each written out in ASCII',
    example: 'company.com, eu.company.com',
  }),
};

const site = {
  publicUrl: either('this or `WEBSITE_HOSTNAME`', {
    name: 'PUBLIC_URL',
    schema: values.siteOrigin,
    decides:
      'The address at which people reach the site; `<address>/sso/callback` is the redirect URI. The Host header is never believed.',
    valid: 'an https address without a path, or an http one on localhost',
    example: 'https://ai.company.com',
  }),
  websiteHostname: either('this or `PUBLIC_URL`', {
    name: 'WEBSITE_HOSTNAME',
    schema: values.hostName,
    decides: 'Set by Azure and by the Core Tools; the address where `PUBLIC_URL` is not set.',
    valid: 'a host name with or without a port',
    example: 'my-app.azurewebsites.net',
  }),
};

const identityStorage = 'this or `AzureWebJobsStorage`';
const storage = {
  storageConnectionString: secret(
    either('this or `AzureWebJobsStorage__…`', {
      name: 'AzureWebJobsStorage',
      schema: values.storageConnectionString,
      decides: 'The storage account by connection string: for development and for accounts that allow keys.',
      valid:
        "a storage account's connection string that names or implies its queue and table endpoints, or `UseDevelopmentStorage=true`",
      example: 'UseDevelopmentStorage=true',
    }),
  ),
  queueServiceUri: either(identityStorage, {
    name: 'AzureWebJobsStorage__queueServiceUri',
    schema: values.httpsOrigin,
    decides: "The storage account's queues, reached with the managed identity.",
    valid: 'an https address without path and query',
    example: 'https://account.queue.core.windows.net',
  }),
  tableServiceUri: either(identityStorage, {
    name: 'AzureWebJobsStorage__tableServiceUri',
    schema: values.httpsOrigin,
    decides: "The storage account's tables, reached with the managed identity.",
    valid: 'an https address without path and query',
    example: 'https://account.table.core.windows.net',
  }),
  storageClientId: optional({
    name: 'AzureWebJobsStorage__clientId',
    schema: values.guid,
    decides:
      'Which user-assigned managed identity reaches the storage; not set means the system-assigned one.',
    valid: 'a GUID: the client id of a managed identity',
    example: '33333333-4444-5555-6666-777777777777',
  }),
  storageCredential: optional({
    name: 'AzureWebJobsStorage__credential',
    schema: values.oneOf('managedidentity'),
    decides: 'How the Functions host reaches the storage; the app knows this one way.',
    valid: '`managedidentity`, or not set',
    example: 'managedidentity',
  }),
};

const proxy = {
  litellmBaseUrl: either('with `LITELLM_API_KEY`', {
    name: 'LITELLM_BASE_URL',
    schema: values.proxyUrl,
    decides:
      'The LiteLLM proxy that is kept in step with what is provisioned here; not set means that no proxy is connected.',
    valid:
      'an https address, or an http one on localhost, without `/v1` or `/ui` at its end; with a path only where the proxy itself is served under one (`SERVER_ROOT_PATH`)',
    example: 'https://litellm.company.com',
  }),
  litellmApiKey: secret(
    either('with `LITELLM_BASE_URL`', {
      name: 'LITELLM_API_KEY',
      schema: values.bearerKey,
      decides: 'The key with which it is told; in Azure a reference to Key Vault.',
      valid: 'the master key, or a key of a `proxy_admin`, alone: without `Bearer` and without spaces',
      example: 'sk-the-key',
    }),
  ),
};

const monitoring = {
  applicationInsights: optional({
    name: 'APPLICATIONINSIGHTS_CONNECTION_STRING',
    schema: values.applicationInsightsConnectionString,
    decides:
      'The Application Insights resource that gets spans and metrics (and, from the Functions host, requests and logs).',
    valid:
      "a resource's connection string: `InstrumentationKey=` with a GUID, and an https `IngestionEndpoint=` or none",
    example:
      'InstrumentationKey=77777777-8888-9999-0000-111111111111;IngestionEndpoint=https://westeurope-1.in.applicationinsights.azure.com/',
  }),
  applicationInsightsIdentity: optional({
    name: 'APPLICATIONINSIGHTS_AUTHENTICATION_STRING',
    schema: values.ingestionIdentity,
    decides:
      'Sends it as a managed identity; not set means with the instrumentation key alone, which resources without local authentication refuse.',
    valid: '`Authorization=AAD`, with `ClientId=` and the GUID of a user-assigned identity or without',
    example: 'ClientId=33333333-4444-5555-6666-777777777777;Authorization=AAD',
  }),
  otlpEndpoint: optional({
    name: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    schema: values.plainUrl,
    decides:
      'An OpenTelemetry collector (or any other OTLP endpoint over HTTP) that gets spans and metrics. Its other variables hold too, such as `OTEL_EXPORTER_OTLP_HEADERS`.',
    valid: 'an http or https address; `/v1/traces` and `/v1/metrics` are added',
    example: 'http://localhost:4318',
  }),
  otlpProtocol: defaulted('http/protobuf', {
    name: 'OTEL_EXPORTER_OTLP_PROTOCOL',
    schema: values.oneOf('http/protobuf', 'http/json'),
    decides:
      'How it is written there. Set it in Azure too: the Functions host sends to the same address, and would speak gRPC.',
    valid: '`http/protobuf` or `http/json`',
    example: 'http/json',
  }),
};

const development = {
  developmentEndpoints: defaulted('false', {
    name: 'DEVELOPMENT_ENDPOINTS',
    schema: values.trueOrFalse,
    decides: 'Allows the three addresses below; refused wherever anything looks like Azure.',
    valid: '`true` or `false`, in any case',
    example: 'true',
  }),
  developmentEntraUrl: either('with `DEVELOPMENT_ENDPOINTS=true`', {
    name: 'DEVELOPMENT_ENTRA_URL',
    schema: values.loopbackHttpsOrigin,
    decides: 'An emulator that stands in for `https://login.microsoftonline.com`.',
    valid: 'an https address on localhost, 127.0.0.1 or [::1], without a path',
    example: 'https://localhost:8443',
  }),
  developmentGraphUrl: either('with `DEVELOPMENT_ENDPOINTS=true`', {
    name: 'DEVELOPMENT_GRAPH_URL',
    schema: values.loopbackHttpsUrl,
    decides:
      'An emulator that stands in for `https://graph.microsoft.com/v1.0` (give the version in the path).',
    valid: 'an https address on localhost, 127.0.0.1 or [::1]',
    example: 'https://localhost:8443/v1.0',
  }),
  developmentAuthorizeUrl: optional({
    name: 'DEVELOPMENT_AUTHORIZE_URL',
    schema: values.loopbackOrigin,
    decides:
      "Where the emulator's sign-in page is without a certificate warning; not set means `DEVELOPMENT_ENTRA_URL`.",
    valid: 'an http or https address on localhost, 127.0.0.1 or [::1], without a path',
    example: 'http://localhost:8080',
  }),
};

/** All settings by what the code calls them, in the order of `docs/settings.md`. */
export const settings = {
  ...entra,
  ...provisioned,
  ...people,
  ...site,
  ...storage,
  ...proxy,
  ...monitoring,
  ...development,
};
