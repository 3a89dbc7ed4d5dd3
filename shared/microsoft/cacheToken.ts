import type { AccessToken } from '@azure/core-auth';
import type { Clock } from '../model/ports.ts';

/** A token is not used in its last minutes, so that it does not expire on its way. */
const EXPIRY_MARGIN_MS = 5 * 60_000;

/** Gives a token; `fresh`: another one than the cached, because that was refused. */
export type TokenSource = (options?: { readonly fresh?: boolean }) => Promise<AccessToken>;

/**
 * Caches what `acquire` gives until 5 minutes before its expiry, and asks once for all who wait. A failure is not cached.
 * Throws what `acquire` throws.
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
