import type { AccessToken, TokenCredential } from '@azure/core-auth';
import { type AuthenticationResult, AuthError, ManagedIdentityApplication } from '@azure/msal-node';
import { AppError } from '../model/errors.ts';
import type { Clock, Fetch } from '../model/ports.ts';
import { cacheToken, type TokenSource } from './cacheToken.ts';
import { readManagedIdentityAnswer } from './tokenAnswer.ts';
import { createTokenNetwork } from './tokenNetwork.ts';

const TIMEOUT_MS = 5_000;

/** Entra takes a managed identity's token for this resource as the application's credential. */
const TOKEN_EXCHANGE_SCOPE = 'api://AzureADTokenExchange/.default';

export interface ManagedIdentityOptions {
  readonly clock: Clock;
  readonly fetch: Fetch;
  /** Absent: the system-assigned identity. */
  readonly clientId?: string;
}

/**
 * Creates the credential of the Function App's managed identity for the storage clients. It caches one token per
 * scope until 5 minutes before it expires; simultaneous callers share one request.
 * Throws `microsoft_unreachable` (retryable: no answer) or `credential_refused` (no such identity).
 */
export function createManagedIdentity(options: ManagedIdentityOptions): TokenCredential {
  const application = new ManagedIdentityApplication({
    ...(options.clientId === undefined
      ? {}
      : { managedIdentityIdParams: { userAssignedClientId: options.clientId } }),
    // MSAL sees 5xx answers, because it knows which of them are worth another try.
    system: {
      networkClient: createTokenNetwork({
        fetch: options.fetch,
        timeoutMs: TIMEOUT_MS,
        unavailable: 'return',
        read: ({ body }) => readManagedIdentityAnswer(body),
      }),
    },
  });
  const sources = new Map<string, TokenSource>();
  return {
    getToken(scopes) {
      const scope = typeof scopes === 'string' ? scopes : scopes.join(' ');
      const source = sources.get(scope) ?? cacheToken(options.clock, () => acquire(application, scope));
      sources.set(scope, source);
      return source();
    },
  };
}

/** Returns the managed identity's token with which the application proves itself to Entra (federated credential). */
export function createAssertion(credential: TokenCredential): () => Promise<string> {
  return async () => {
    const issued = await credential.getToken(TOKEN_EXCHANGE_SCOPE);
    if (issued === null) throw new AppError('credential_refused', 'The managed identity gave no token');
    return issued.token;
  };
}

async function acquire(application: ManagedIdentityApplication, scope: string): Promise<AccessToken> {
  let result: AuthenticationResult;
  try {
    result = await application.acquireToken({ resource: scope, forceRefresh: true });
  } catch (error) {
    throw appErrorOf(error);
  }
  if (result.expiresOn === null)
    throw new AppError('credential_refused', 'The managed identity gave no expiry');
  return { token: result.accessToken, expiresOnTimestamp: result.expiresOn.getTime() };
}

function appErrorOf(error: unknown): AppError {
  if (!(error instanceof AuthError)) throw error;
  if (error.cause instanceof AppError) return error.cause;
  // The platform's message is about our identity, never about a person, and contains no token.
  return new AppError('credential_refused', 'The managed identity was refused a token', { cause: error });
}
