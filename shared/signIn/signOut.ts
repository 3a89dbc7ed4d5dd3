import type { Store } from '../storage/store.ts';
import { errorCodeOf } from '../model/errors.ts';
import type { Clock } from '../model/ports.ts';
import type { ResponseCookie, Session } from '../session/session.ts';
import { clearSession } from '../session/session.ts';
import { requireLiveSession } from '../session/requireLiveSession.ts';

/**
 * Ends every session of the person, so that a copied cookie dies too, and gives the cookie that clears the browser's. A
 * session that has ended already ends no other: else whoever copied a cookie could keep signing its owner out.
 * Two reads and one write; idempotent. Without a session there is only the cookie to clear.
 */
export async function signOut(
  deps: { readonly store: Pick<Store, 'users'>; readonly clock: Clock },
  session: Session | undefined,
): Promise<ResponseCookie> {
  if (session !== undefined && (await isLive(deps.store, session))) {
    await deps.store.users.endSessions(session.userId, deps.clock.now());
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
