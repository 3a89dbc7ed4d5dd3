import {
  type Configuration as MsalConfiguration,
  ConfidentialClientApplication,
  LogLevel,
  AuthError,
  ClientAuthErrorCodes,
  InteractionRequiredAuthError,
  ServerError,
} from '@azure/msal-node';
import type { Config } from '../config/config.ts';
import { AppError } from '../model/errors.ts';
import type { Fetch } from '../model/ports.ts';
import { createTokenNetwork } from './tokenNetwork.ts';
import { signInError } from './signInError.ts';

export interface MsalClientOptions {
  readonly entra: Config['entra'];
  readonly fetch: Fetch;
  readonly timeoutMs: number;
  /** A managed identity's token for the token exchange; needed with the credential `federated`. */
  readonly assertion?: () => Promise<string>;
}

/**
 * Creates a client for Entra that shares nothing with other clients (0.003 ms each).
 *
 * The endpoints come from the configuration, so MSAL never requests a discovery document. `knownAuthorities` marks
 * the authority as trusted, so MSAL doesn't request instance discovery either.
 */
export function createMsalClient(options: MsalClientOptions): ConfidentialClientApplication {
  const { entra } = options;
  return new ConfidentialClientApplication({
    auth: {
      clientId: entra.clientId,
      authority: entra.authority,
      knownAuthorities: [new URL(entra.authority).host],
      authorityMetadata: JSON.stringify({
        authorization_endpoint: entra.authorizationEndpoint,
        token_endpoint: entra.tokenEndpoint,
        issuer: entra.issuer,
        jwks_uri: entra.jwksUri,
      }),
      ...credentialOf(options),
    },
    system: {
      networkClient: createTokenNetwork({ ...options, unavailable: 'throw' }),
      // MSAL's log isn't used, but MSAL formats every line that its level allows.
      loggerOptions: { logLevel: LogLevel.Error },
    },
  });
}

function credentialOf(options: MsalClientOptions): Partial<MsalConfiguration['auth']> {
  const { credential } = options.entra;
  if (credential.kind === 'secret') return { clientSecret: credential.secret.reveal() };
  if (options.assertion === undefined) {
    throw new AppError('configuration_invalid', 'The federated credential needs a managed identity');
  }
  return { clientAssertion: options.assertion };
}

const TOKEN_FAULTS: ReadonlySet<string> = new Set([
  ClientAuthErrorCodes.nonceMismatch,
  ClientAuthErrorCodes.tokenParsingError,
  ClientAuthErrorCodes.nullOrEmptyToken,
]);

/**
 * Returns the AppError for a failure of MSAL. Throws the error itself if it isn't MSAL's, because that is a defect.
 * MSAL's own error is never the cause: its text is Entra's description, which may name the person.
 */
export function appErrorOfMsal(error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (!(error instanceof AuthError)) throw error;
  if (error.cause instanceof AppError) return error.cause;
  if (error.errorCode === ClientAuthErrorCodes.networkError) {
    return new AppError('microsoft_unreachable', 'Microsoft did not answer usably', { retryable: true });
  }
  if (TOKEN_FAULTS.has(error.errorCode)) {
    return new AppError('id_token_invalid', 'The token endpoint gave no acceptable id_token', {
      details: { fault: error.errorCode },
    });
  }
  return signInError({
    error: error.errorCode,
    suberror: error.subError === '' ? undefined : error.subError,
    description: error.errorMessage,
    number: numberOf(error),
    claims: error instanceof InteractionRequiredAuthError && error.claims !== '' ? error.claims : undefined,
  });
}

function numberOf(error: AuthError): string | undefined {
  return error instanceof InteractionRequiredAuthError || error instanceof ServerError
    ? error.errorNo
    : undefined;
}
