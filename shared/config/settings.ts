/**
 * Every setting, described once. The reader, the texts of faults and `docs/settings.md` all use these descriptions (a
 * test compares the page with them).
 */
import * as values from './settingValues.ts';
import type { ValueSchema } from './settingValues.ts';

/** One setting. */
export interface Setting<T> {
  readonly name: string;
  readonly schema: ValueSchema<T>;
  /** `required`, `optional`, or the condition in words. */
  readonly presence: string;
  /** The text that applies when the setting is not set. */
  readonly default?: string;
  /** The value must never be shown. */
  readonly secret: boolean;
  /** What it decides: one sentence, at most about 15 words. */
  readonly decides: string;
  /** Which values are valid, as the end of "expected …". */
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
const defaulted = <T>(fallback: string, described: Described<T>): DefaultedSetting<T> => ({
  ...described,
  presence: 'optional',
  default: fallback,
  secret: false,
});

const entra = {
  tenant: required({
    name: 'MICROSOFT_TENANT',
    schema: values.tenantGuid,
    decides: 'The Entra tenant whose people can sign in.',
    valid: "the GUID of an organization's tenant, not a name such as `common`",
    example: '11111111-2222-3333-4444-555555555555',
  }),
  clientId: required({
    name: 'MICROSOFT_CLIENT_ID',
    schema: values.guid,
    decides: 'The app registration that people sign in to.',
    valid: "a GUID: the app registration's application (client) id",
    example: '22222222-3333-4444-5555-666666666666',
  }),
  clientSecret: secret(
    either('this or `MICROSOFT_MANAGED_IDENTITY_CLIENT_ID`', {
      name: 'MICROSOFT_CLIENT_SECRET',
      schema: values.clientSecret,
      decides: "The app registration's client secret. In Azure, use the managed identity instead.",
      valid: "the value (not the id) of one of the app registration's client secrets",
      example: 'the-value-not-the-id',
    }),
  ),
  managedIdentityClientId: either('this or `MICROSOFT_CLIENT_SECRET`', {
    name: 'MICROSOFT_MANAGED_IDENTITY_CLIENT_ID',
    schema: values.guid,
    decides: 'The managed identity that replaces a client secret, through a federated credential.',
    valid: 'a GUID: the client id of the user-assigned managed identity',
    example: '33333333-4444-5555-6666-777777777777',
  }),
  servicePrincipalId: optional({
    name: 'MICROSOFT_SERVICE_PRINCIPAL_ID',
    schema: values.guid,
    decides: 'The Enterprise Application whose assigned groups become teams and organizations.',
    valid: 'a GUID: the object id of the Enterprise Application (not its application id)',
    example: '44444444-5555-6666-7777-888888888888',
  }),
  groupsClaim: optional({
    name: 'ENTRA_GROUPS_CLAIM',
    schema: values.oneOf('ApplicationGroup'),
    decides: 'Confirms that the token lists exactly the assigned groups, so sign-ins skip Graph.',
    valid: '`ApplicationGroup`, or not set (other claims include nested groups)',
    example: 'ApplicationGroup',
  }),
};

const provisioned = {
  groupsAlsoCreateOrgs: defaulted('false', {
    name: 'ENTRA_GROUPS_ALSO_CREATE_ORGS',
    schema: values.trueOrFalse,
    decides: 'Whether an assigned group also becomes an organization that contains its team.',
    valid: '`true` or `false`, in any case',
    example: 'true',
  }),
  defaultTeamParams: defaulted('{}', {
    name: 'DEFAULT_TEAM_PARAMS',
    schema: values.teamParams,
    decides: 'The budget, limits and models of a new team or new organization.',
    valid:
      'a JSON object with any of models, max_budget, budget_duration, tpm_limit, rpm_limit, team_member_permissions',
    example: '{"models":["gpt-4","gpt-3.5-turbo"],"max_budget":1000,"budget_duration":"30d"}',
  }),
  orgTeamBudget: defaulted('inherit', {
    name: 'ORG_TEAM_BUDGET',
    schema: values.oneOf('inherit', 'copy'),
    decides: "Whether a new team inherits its organization's budget and limits or copies them.",
    valid: '`inherit` or `copy`',
    example: 'copy',
  }),
  membershipSyncMode: defaulted('full', {
    name: 'MEMBERSHIP_SYNC_MODE',
    schema: values.oneOf('full', 'additive'),
    decides: 'Whether leaving a group removes the memberships that Entra granted.',
    valid: '`full` (removes them) or `additive` (keeps them)',
    example: 'additive',
  }),
  removalLimitPercent: defaulted('20', {
    name: 'REMOVAL_LIMIT_PERCENT',
    schema: values.percent,
    decides: 'The brake: how much of a list of 10 or more groups may disappear.',
    valid: 'a whole number from 0 to 100',
    example: '50',
  }),
  assignedGroupsAccept: optional({
    name: 'ASSIGNED_GROUPS_ACCEPT',
    schema: values.id,
    decides: 'Accepts the list that the brake holds back, once. The health detail shows the version.',
    valid: 'the version of a list: up to 128 letters, digits, dots, hyphens and underscores',
    example: '5f0c1e2ab34d',
  }),
};

const people = {
  defaultUserParams: defaulted('{}', {
    name: 'DEFAULT_INTERNAL_USER_PARAMS',
    schema: values.userParams,
    decides: 'The budget and models of a new user, and the role of last resort.',
    valid: 'a JSON object with any of user_role, max_budget, budget_duration, models',
    example: '{"user_role":"internal_user","max_budget":20,"budget_duration":"30d"}',
  }),
  roleMappings: defaulted('{}', {
    name: 'ROLE_MAPPINGS',
    schema: values.roleMappings,
    decides: 'The global role that members of a group get if no app role applies.',
    valid:
      'a JSON object from group id to proxy_admin, proxy_admin_viewer, internal_user or internal_user_viewer, each group once',
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
    decides: 'The email domains that can sign in. Not set allows the whole tenant.',
    valid: 'domains separated by commas, in ASCII',
    example: 'company.com, eu.company.com',
  }),
};

const site = {
  publicUrl: either('this or `WEBSITE_HOSTNAME`', {
    name: 'PUBLIC_URL',
    schema: values.siteOrigin,
    decides: 'The public address of the site. The redirect URI is `<address>/sso/callback`.',
    valid: 'an https address without a path, or an http one on localhost',
    example: 'https://ai.company.com',
  }),
  websiteHostname: either('this or `PUBLIC_URL`', {
    name: 'WEBSITE_HOSTNAME',
    schema: values.hostName,
    decides: 'The host name that Azure and the Core Tools set, used without `PUBLIC_URL`.',
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
      decides: "The storage account's connection string, for development or accounts that allow keys.",
      valid:
        'a connection string that names or implies its queue and table endpoints, or `UseDevelopmentStorage=true`',
      example: 'UseDevelopmentStorage=true',
    }),
  ),
  queueServiceUri: either(identityStorage, {
    name: 'AzureWebJobsStorage__queueServiceUri',
    schema: values.httpsOrigin,
    decides: "The address of the storage account's queues.",
    valid: 'an https address without path and query',
    example: 'https://account.queue.core.windows.net',
  }),
  tableServiceUri: either(identityStorage, {
    name: 'AzureWebJobsStorage__tableServiceUri',
    schema: values.httpsOrigin,
    decides: "The address of the storage account's tables.",
    valid: 'an https address without path and query',
    example: 'https://account.table.core.windows.net',
  }),
  storageClientId: optional({
    name: 'AzureWebJobsStorage__clientId',
    schema: values.guid,
    decides: 'The user-assigned identity that accesses storage. Not set uses the system-assigned one.',
    valid: 'a GUID: the client id of a managed identity',
    example: '33333333-4444-5555-6666-777777777777',
  }),
  storageCredential: optional({
    name: 'AzureWebJobsStorage__credential',
    schema: values.oneOf('managedidentity'),
    decides: 'How the Functions host authenticates to storage.',
    valid: '`managedidentity`, or not set',
    example: 'managedidentity',
  }),
};

const proxy = {
  litellmBaseUrl: either('with `LITELLM_API_KEY`', {
    name: 'LITELLM_BASE_URL',
    schema: values.proxyUrl,
    decides: 'The LiteLLM proxy to keep in sync. Not set means no proxy is connected.',
    valid: 'an https address, or an http one on localhost, without `/v1` or `/ui`',
    example: 'https://litellm.company.com',
  }),
  litellmApiKey: secret(
    either('with `LITELLM_BASE_URL`', {
      name: 'LITELLM_API_KEY',
      schema: values.bearerKey,
      decides: "The key for the proxy's management API. In Azure, use a Key Vault reference.",
      valid: 'the master key or the key of a `proxy_admin`, without `Bearer` and without spaces',
      example: 'sk-the-key',
    }),
  ),
  litellmCloseFound: defaulted('on', {
    name: 'LITELLM_CLOSE_FOUND',
    schema: values.oneOf('on', 'off'),
    decides: 'Whether a closed account also ends a user that LiteLLM had before.',
    valid: '`on` or `off`',
    example: 'off',
  }),
  litellmSharedBudget: defaulted('split', {
    name: 'LITELLM_SHARED_BUDGET',
    schema: values.oneOf('split', 'each'),
    decides: "How teams share their organization's budget while LiteLLM has no organizations.",
    valid: '`split` (divided by its teams) or `each` (the whole amount for each team)',
    example: 'each',
  }),
  litellmParkedKeyDays: defaulted('7', {
    name: 'LITELLM_PARKED_KEY_DAYS',
    schema: values.daysUpTo90,
    decides: "How long the keys of a team's former member rest before they are deleted.",
    valid: 'a whole number of days from 0 (delete at once) to 90',
    example: '30',
  }),
  litellmParkedKeysAccept: optional({
    name: 'LITELLM_PARKED_KEYS_ACCEPT',
    schema: values.id,
    decides: 'Accepts a deletion of many resting keys, once. The health detail shows the version.',
    valid: 'the version that the health detail shows',
    example: '0f1e2d3c4b5a6978',
  }),
};

const monitoring = {
  applicationInsights: optional({
    name: 'APPLICATIONINSIGHTS_CONNECTION_STRING',
    schema: values.applicationInsightsConnectionString,
    decides: 'The Application Insights resource that receives spans and metrics.',
    valid: 'a connection string: `InstrumentationKey=` and a GUID, optionally an https `IngestionEndpoint=`',
    example:
      'InstrumentationKey=77777777-8888-9999-0000-111111111111;IngestionEndpoint=https://westeurope-1.in.applicationinsights.azure.com/',
  }),
  applicationInsightsIdentity: optional({
    name: 'APPLICATIONINSIGHTS_AUTHENTICATION_STRING',
    schema: values.ingestionIdentity,
    decides:
      'Authenticates to Application Insights with a managed identity instead of the instrumentation key.',
    valid: '`Authorization=AAD`, optionally with `ClientId=` and the GUID of a user-assigned identity',
    example: 'ClientId=33333333-4444-5555-6666-777777777777;Authorization=AAD',
  }),
  otlpEndpoint: optional({
    name: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    schema: values.plainUrl,
    decides: 'The OpenTelemetry collector, or other OTLP endpoint over HTTP, for spans and metrics.',
    valid: 'an http or https address; `/v1/traces` and `/v1/metrics` are added',
    example: 'http://localhost:4318',
  }),
  otlpProtocol: defaulted('http/protobuf', {
    name: 'OTEL_EXPORTER_OTLP_PROTOCOL',
    schema: values.oneOf('http/protobuf', 'http/json'),
    decides: 'The format sent to that endpoint. Set it in Azure too.',
    valid: '`http/protobuf` or `http/json`',
    example: 'http/json',
  }),
};

const development = {
  developmentEndpoints: defaulted('false', {
    name: 'DEVELOPMENT_ENDPOINTS',
    schema: values.trueOrFalse,
    decides: 'Allows the three addresses below. Refused if anything looks like Azure.',
    valid: '`true` or `false`, in any case',
    example: 'true',
  }),
  developmentEntraUrl: either('with `DEVELOPMENT_ENDPOINTS=true`', {
    name: 'DEVELOPMENT_ENTRA_URL',
    schema: values.loopbackHttpsOrigin,
    decides: 'An emulator that replaces `https://login.microsoftonline.com`.',
    valid: 'an https address on localhost, 127.0.0.1 or [::1], without a path',
    example: 'https://localhost:8443',
  }),
  developmentGraphUrl: either('with `DEVELOPMENT_ENDPOINTS=true`', {
    name: 'DEVELOPMENT_GRAPH_URL',
    schema: values.loopbackHttpsUrl,
    decides: 'An emulator that replaces `https://graph.microsoft.com/v1.0`. Include the version in the path.',
    valid: 'an https address on localhost, 127.0.0.1 or [::1]',
    example: 'https://localhost:8443/v1.0',
  }),
  developmentAuthorizeUrl: optional({
    name: 'DEVELOPMENT_AUTHORIZE_URL',
    schema: values.loopbackOrigin,
    decides:
      "The emulator's sign-in page without a certificate warning. The default is `DEVELOPMENT_ENTRA_URL`.",
    valid: 'an http or https address on localhost, 127.0.0.1 or [::1], without a path',
    example: 'http://localhost:8080',
  }),
};

/** All settings by their name in the code, in the order of `docs/settings.md`. */
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
