import type { AuthenticationResult } from '@azure/msal-node';
import { AppError } from '../model/errors.ts';
import type { Clock } from '../model/ports.ts';
import { cacheToken, type TokenSource } from './cacheToken.ts';
import { createMsalClient, type MsalClientOptions } from './msalClient.ts';
import { appErrorOfMsal } from './msalError.ts';

/**
 * Gives the application's own tokens for Graph (client credentials), from one long-lived client. MSAL neither coalesces
 * such calls nor survives an outage while it refreshes early, so the cache is ours and MSAL's is skipped.
 * Throws `credential_refused` or `microsoft_unreachable` (retryable), whatever words Entra has for a person's sign-in.
 */
export function createAppTokens(options: MsalClientOptions & { readonly clock: Clock }): TokenSource {
  const scopes = [`${new URL(options.entra.graphBaseUrl).origin}/.default`];
  const client = createMsalClient(options);
  return cacheToken(options.clock, async () => {
    let result: AuthenticationResult | null;
    try {
      result = await client.acquireTokenByClientCredential({ scopes, skipCache: true });
    } catch (error) {
      throw refusedUnlessUnreachable(appErrorOfMsal(error));
    }
    if (!result?.expiresOn)
      throw new AppError('credential_refused', 'Entra gave no token for the application');
    return { token: result.accessToken, expiresOnTimestamp: result.expiresOn.getTime() };
  });
}

/** Nobody signs in here: whatever Entra refuses, it refuses the application, and messages wait until that is mended. */
function refusedUnlessUnreachable(error: AppError): AppError {
  if (error.code === 'microsoft_unreachable' || error.code === 'credential_refused') return error;
  return new AppError('credential_refused', 'Entra refused the application a token', {
    cause: error,
    details: { ...error.details, refusal: error.code },
  });
}
