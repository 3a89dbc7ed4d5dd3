/** Whether a team is to be blocked or unblocked. Pure. */
import type { Desired, Look } from './entityLook.ts';

export type Blocking = 'block' | 'unblock' | 'forget';

/** Returns what to do; `undefined`: nothing. A team that an administrator blocked is theirs to unblock. */
export function blockingOf<Values>(
  { found, recorded }: Look<Values>,
  { isBlocked = false }: Desired<Values>,
): Blocking | undefined {
  const isInFact = found?.blocked ?? false;
  if (isBlocked) return isInFact ? undefined : 'block';
  if (recorded?.isBlockedByUs !== true) return undefined;
  return isInFact ? 'unblock' : 'forget';
}
