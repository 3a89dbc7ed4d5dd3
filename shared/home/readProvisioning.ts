import type { Store } from '../storage/store.ts';
import type { ProvisioningProgress } from '../model/access.ts';
import type { ObservationKey } from '../model/observation.ts';
import { newestObservation, progressOf } from '../model/progress.ts';
import { AppError } from '../model/errors.ts';
import type { Session } from '../session/session.ts';
import { requireLiveSession } from '../session/requireLiveSession.ts';

/** The body of `GET /api/provisioning/{id}`. */
export interface ObservationProgress extends ProvisioningProgress {
  /** The newest observation of this person that anybody knows of, which their page is about: whether it is still this one. */
  readonly newest_id: string;
}

/**
 * Gives the status of one observation, to its own person only: the one of that session, or one that the person's own rows
 * know. One read. Throws `not_found` for every other id, whether it exists or not, and as {@link requireLiveSession}.
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
  if (key === undefined) throw new AppError('not_found', 'There is no such observation of this person.');
  const sources = { record, outcome };
  return { ...progressOf(key, sources), newest_id: newestObservation(session.observation, sources).id };
}
