import type { AccessToken } from '@azure/core-auth';
import type { Clock } from '../model/ports.ts';

/** A token isn't used in its last minutes, so that it doesn't expire on its way. */
const EXPIRY_MARGIN_MS = 5 * 60_000;

/** Returns a token. `fresh`: not the cached one, because that was refused. */
export type TokenSource = (options?: { readonly fresh?: boolean }) => Promise<AccessToken>;

/**
 * Caches what `acquire` returns until 5 minutes before it expires. Simultaneous callers share one request. A failure
 * isn't cached. Throws what `acquire` throws.
 */
export function cacheToken(clock: Clock, acquire: () => Promise<AccessToken>): TokenSource {
  let cached: AccessToken | undefined;
  let acquiring: Promise<AccessToken> | undefined;
  return async ({ fresh = false } = {}) => {
    if (
      !fresh &&
      cached !== undefined &&
      clock.now().getTime() < cached.expiresOnTimestamp - EXPIRY_MARGIN_MS
    ) {
      return cached;
    }
    acquiring ??= acquire().finally(() => {
      acquiring = undefined;
    });
    cached = await acquiring;
    return cached;
  };
}
