import type { Store } from '../storage/store.ts';
import type { ProvisioningProgress } from '../model/access.ts';
import type { ObservationKey } from '../model/observation.ts';
import { newestObservation, progressOf } from '../model/progress.ts';
import { AppError } from '../model/errors.ts';
import { type Session, requireLiveSession } from '../session/session.ts';

/** The body of `GET /api/provisioning/{id}`. */
export interface ObservationProgress extends ProvisioningProgress {
  /** The newest known observation of this person, which their page is about. It may be this one. */
  readonly newest_id: string;
}

/**
 * Returns the status of one observation, but only to its own person: the session's observation, or one in the
 * person's own rows. One read. Throws `not_found` for every other id, whether it exists or not, and what {@link
 * requireLiveSession} throws.
 */
export async function readProvisioning(
  deps: { readonly store: Pick<Store, 'users'> },
  session: Session,
  id: string,
): Promise<ObservationProgress> {
  const { record, outcome } = await deps.store.users.findWithOutcome(session.userId);
  requireLiveSession(session, record);
  const known: readonly (ObservationKey | undefined)[] = [
    session.observation,
    record?.run?.observation,
    outcome?.observation,
  ];
  const key = known.find((candidate) => candidate?.id === id);
  if (key === undefined) throw new AppError('not_found', 'This person has no such observation.');
  const sources = { record, outcome };
  return { ...progressOf(key, sources), newest_id: newestObservation(session.observation, sources).id };
}
