import type { AuthenticationResult } from '@azure/msal-node';
import { AppError, type ErrorCode } from '../model/errors.ts';
import type { Clock } from '../model/ports.ts';
import { cacheToken, type TokenSource } from './cacheToken.ts';
import { createMsalClient, type MsalClientOptions, appErrorOfMsal } from './msalClient.ts';

/**
 * Returns the application's own tokens for Graph (client credentials), from one long-lived client. MSAL would send
 * each of several simultaneous calls, and an outage during its early refresh would break it. So we cache tokens and
 * skip MSAL's cache.
 * Throws `credential_refused`, `application_disabled`, `application_misconfigured`, `policy_blocked` or `microsoft_unreachable`
 * (retryable), also if Entra's error is worded for a person's sign-in.
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

/** What is wrong with the application itself. Each has its own words. */
const OF_THE_APPLICATION: ReadonlySet<ErrorCode> = new Set([
  'credential_refused',
  'application_disabled',
  'application_misconfigured',
  'policy_blocked',
]);

/**
 * No person signs in here. What Entra refuses is the application, and messages wait until the operator corrects
 * that. A malformed answer is as good as none.
 */
function refusedUnlessUnreachable(error: AppError): AppError {
  if (error.code === 'microsoft_unreachable' || OF_THE_APPLICATION.has(error.code)) return error;
  if (error.code === 'id_token_invalid') {
    return new AppError('microsoft_unreachable', 'Microsoft did not answer usably', {
      retryable: true,
      cause: error,
      details: error.details,
    });
  }
  return new AppError('credential_refused', 'Entra refused the application a token', {
    cause: error,
    details: { ...error.details, refusal: error.code },
  });
}
