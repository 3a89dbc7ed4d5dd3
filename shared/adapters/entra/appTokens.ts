import type { AuthenticationResult } from '@azure/msal-node';
import { AppError } from '../../errors.ts';
import type { Clock } from '../../ports.ts';
import { cacheToken, type TokenSource } from './cacheToken.ts';
import { createMsalClient, type MsalClientOptions } from './msalClient.ts';
import { appErrorOfMsal } from './msalError.ts';

/**
 * Gives the application's own tokens for Graph (client credentials), from one long-lived client. MSAL neither coalesces
 * such calls nor survives an outage while it refreshes early, so the cache is ours and MSAL's is skipped.
 * Throws `credential_refused`, `microsoft_unreachable` (retryable), `sign_in_refused`.
 */
export function createAppTokens(options: MsalClientOptions & { readonly clock: Clock }): TokenSource {
  const scopes = [`${new URL(options.entra.graphBaseUrl).origin}/.default`];
  const client = createMsalClient(options);
  return cacheToken(options.clock, async () => {
    let result: AuthenticationResult | null;
    try {
      result = await client.acquireTokenByClientCredential({ scopes, skipCache: true });
    } catch (error) {
      throw appErrorOfMsal(error);
    }
    if (!result?.expiresOn) throw new AppError('sign_in_refused', 'Entra gave no token for the application');
    return { token: result.accessToken, expiresOnTimestamp: result.expiresOn.getTime() };
  });
}
