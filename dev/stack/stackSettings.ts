import { parseConfig } from '../../shared/config/config.ts';
import { AppError } from '../../shared/model/errors.ts';
import { CommandError } from '../../terminal/commandError.ts';
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

const placeholder = '00000000-0000-4000-8000-000000000000';

/**
 * Throws a CommandError with every fault of the settings with which a stack would start, so that it does not start with pages that
 * all answer 503. The emulators do not run yet, so their values are placeholders.
 */
export function requireValidSettings(url: string, given: Settings, hasLitellm: boolean): void {
  const settings = createStackSettings({
    url,
    given,
    identity: {
      url: 'https://localhost:1',
      browserUrl: 'http://localhost:1',
      graphBaseUrl: 'https://localhost:1/graph/v1.0',
      caFile: '',
      tenantId: placeholder,
      clientId: placeholder,
      clientSecret: 'placeholder',
      servicePrincipalId: placeholder.replace('8', '9'),
    },
    litellm: hasLitellm ? { url: 'http://localhost:1', masterKey: 'sk-placeholder' } : undefined,
    storageConnectionString: 'UseDevelopmentStorage=true',
  });
  try {
    parseConfig(settings);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw new CommandError(`${error.message}\nNothing was started.`, { cause: error });
  }
}

/**
 * Returns the settings of the command line and `local.settings.json`, and the secrets that belong to them and that only the
 * environment has: a command line is visible to every user of the machine.
 */
export function withSecretsOf(
  environment: Readonly<Record<string, string | undefined>>,
  given: Settings,
): Settings {
  const pairs = [
    ['LITELLM_BASE_URL', 'LITELLM_API_KEY'],
    ['MICROSOFT_CLIENT_ID', 'MICROSOFT_CLIENT_SECRET'],
  ] as const;
  const secrets = pairs.flatMap(([owner, name]) => {
    const secret = environment[name];
    const isWanted = given[owner] !== undefined && given[name] === undefined;
    return isWanted && secret !== undefined && secret !== '' ? [[name, secret] as const] : [];
  });
  return { ...given, ...Object.fromEntries(secrets) };
}
