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
import { readTokenAnswer } from './tokenAnswer.ts';
import { createTokenNetwork } from './tokenNetwork.ts';
import { signInError } from './signInError.ts';

export interface MsalClientOptions {
  readonly entra: Config['entra'];
  readonly fetch: Fetch;
  readonly timeoutMs: number;
  /** A managed identity's token for the token exchange; needed with the credential `federated`. */
  readonly assertion?: () => Promise<string>;
  /** Receives what MSAL doesn't see of an answer with tokens. */
  readonly onGranted?: (granted: GrantedTokens) => void;
}

export interface GrantedTokens {
  /** Unverified. */
  readonly idToken: string | undefined;
  /** The `Date` header of the answer. */
  readonly date: string | undefined;
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
      networkClient: createTokenNetwork({
        ...options,
        unavailable: 'throw',
        read({ body, date }) {
          const { forMsal, idToken } = readTokenAnswer(body);
          options.onGranted?.({ idToken, date });
          return forMsal;
        },
      }),
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
  if (!(error instanceof ServerError || error instanceof InteractionRequiredAuthError)) {
    // MSAL's own objection, not Entra's refusal.
    return new AppError('id_token_invalid', 'MSAL does not accept the answer of the token endpoint', {
      details: { fault: error.errorCode },
    });
  }
  return signInError({
    error: error.errorCode,
    suberror: error.subError === '' ? undefined : error.subError,
    description: error.errorMessage,
    number: error.errorNo,
    claims: error instanceof InteractionRequiredAuthError && error.claims !== '' ? error.claims : undefined,
  });
}
