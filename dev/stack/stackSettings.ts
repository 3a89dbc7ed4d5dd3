import type { ReadyLine } from '../identity/readyLine.ts';
import type { ReadyLine as LitellmReadyLine } from '../litellm/litellmProcess.ts';

type Settings = Readonly<Record<string, string>>;

export interface StackSettingsOptions {
  readonly url: string;
  readonly identity: Pick<
    ReadyLine,
    | 'url'
    | 'browserUrl'
    | 'graphBaseUrl'
    | 'caFile'
    | 'tenantId'
    | 'clientId'
    | 'clientSecret'
    | 'servicePrincipalId'
  >;
  /** The LiteLLM emulator, if it runs. */
  readonly litellm?: Pick<LitellmReadyLine, 'url' | 'masterKey'> | undefined;
  readonly storageConnectionString: string;
  /** The person's own settings: `local.settings.json`, then the command line. They replace all others. */
  readonly given: Settings;
}

/**
 * Returns whether people sign in at the emulator. `DEVELOPMENT_ENDPOINTS` decides. Without it, people sign in at the real Microsoft if
 * the settings name a tenant.
 */
export function usesEmulator(given: Settings): boolean {
  const wanted = given['DEVELOPMENT_ENDPOINTS'] ?? String(given['MICROSOFT_TENANT'] === undefined);
  return wanted.toLowerCase() === 'true';
}

/** Creates all app settings of a local stack. `UseDevelopmentStorage=true` means the stack's own storage emulator. Pure. */
export function createStackSettings(options: StackSettingsOptions): Settings {
  const { url, identity, litellm, storageConnectionString, given } = options;
  const storage = given['AzureWebJobsStorage'] ?? '';
  return {
    FUNCTIONS_WORKER_RUNTIME: 'node',
    AzureWebJobsDisableHomepage: 'true',
    PUBLIC_URL: url,
    ENTRA_GROUPS_CLAIM: 'ApplicationGroup',
    ENTRA_GROUPS_ALSO_CREATE_ORGS: 'true',
    DEFAULT_TEAM_PARAMS: JSON.stringify({
      models: ['gpt-4', 'gpt-3.5-turbo'],
      max_budget: 1000,
      budget_duration: '30d',
    }),
    ...(usesEmulator(given) ? emulatorSettings(identity) : {}),
    ...(litellm === undefined ? {} : { LITELLM_BASE_URL: litellm.url, LITELLM_API_KEY: litellm.masterKey }),
    ...given,
    AzureWebJobsStorage:
      storage === '' || storage.startsWith('UseDevelopmentStorage=true') ? storageConnectionString : storage,
  };
}

function emulatorSettings(identity: StackSettingsOptions['identity']): Settings {
  return {
    MICROSOFT_TENANT: identity.tenantId,
    MICROSOFT_CLIENT_ID: identity.clientId,
    MICROSOFT_CLIENT_SECRET: identity.clientSecret,
    MICROSOFT_SERVICE_PRINCIPAL_ID: identity.servicePrincipalId,
    DEVELOPMENT_ENDPOINTS: 'true',
    DEVELOPMENT_ENTRA_URL: identity.url,
    DEVELOPMENT_GRAPH_URL: identity.graphBaseUrl,
    // Plain HTTP, so that the browser shows no certificate warning.
    DEVELOPMENT_AUTHORIZE_URL: identity.browserUrl,
    NODE_EXTRA_CA_CERTS: identity.caFile,
  };
}
