import type { Clock } from '../ports.ts';
import type { ResponseCookie, Session } from '../session.ts';
import { clearSession } from '../session.ts';
import type { Store } from '../storePorts.ts';

/**
 * Ends every session of the person, so that a copied cookie dies too, and gives the cookie that clears the browser's. One
 * write; idempotent. Without a session there is only the cookie to clear.
 */
export async function signOut(
  deps: { readonly store: Pick<Store, 'users'>; readonly clock: Clock },
  session: Session | undefined,
): Promise<ResponseCookie> {
  if (session !== undefined) await deps.store.users.endSessions(session.userId, deps.clock.now());
  return clearSession();
}
