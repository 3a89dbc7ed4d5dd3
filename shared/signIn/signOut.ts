import type { Store } from '../storage/store.ts';
import { errorCodeOf } from '../model/errors.ts';
import type { Clock } from '../model/ports.ts';
import { type ResponseCookie, type Session, clearSession, requireLiveSession } from '../session/session.ts';

/**
 * Ends all sessions of the person, so that a copied cookie becomes useless too, and returns the cookie that clears
 * the browser's. An expired session ends no other one: otherwise a person with a copied cookie could keep signing
 * its owner out.
 * Two reads and one write; idempotent. Without a session it only clears the cookie.
 */
export async function signOut(
  deps: { readonly store: Pick<Store, 'users'>; readonly clock: Clock },
  session: Session | undefined,
): Promise<ResponseCookie> {
  if (session !== undefined && (await isLive(deps.store, session))) {
    // The clock of the instance that issued this session may be ahead of ours. It ends in any case.
    const endMs = Math.max(deps.clock.now().getTime(), Date.parse(session.issuedAt));
    await deps.store.users.endSessions(session.userId, new Date(endMs));
  }
  return clearSession();
}

async function isLive(store: Pick<Store, 'users'>, session: Session): Promise<boolean> {
  const record = await store.users.find(session.userId);
  try {
    requireLiveSession(session, record);
    return true;
  } catch (error) {
    const code = errorCodeOf(error);
    if (code === 'session_missing' || code === 'account_inactive') return false;
    throw error;
  }
}
