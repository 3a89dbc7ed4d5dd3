/** Creates a person's user in LiteLLM, or updates what this product wrote of it. */
import { AppError } from '../model/errors.ts';
import type { LitellmUser } from '../model/litellmPorts.ts';
import type { UserValues } from '../model/litellmValues.ts';
import { clearingOf } from './clearing.ts';
import { USER_FIELDS } from './planEntity.ts';
import type { PersonSync } from './readPerson.ts';
import type { SyncDeps } from './syncDeps.ts';
import { applyOrReport, type Entity, type EntityInLitellm } from './upsertEntity.ts';

function userOf(
  { litellm, record }: SyncDeps,
  {
    id,
    version,
    desired,
  }: { readonly id: string; readonly version: string | undefined; readonly desired: UserValues },
): Entity<UserValues> {
  return {
    subject: { kind: 'user', id },
    version,
    ...USER_FIELDS,
    desire: async () => Promise.resolve({ values: desired }),
    async find() {
      const user = await litellm.findUser(id);
      return user === undefined ? undefined : { values: user.values, members: [] };
    },
    create: async (values) => litellm.createUser(id, values),
    // LiteLLM would create an unknown user, so this one is looked up right before.
    async update({ set, clear }) {
      if ((await litellm.findUser(id)) === undefined) throw userGone(id);
      await litellm.updateUser(id, { ...set, ...clearingOf(clear) });
    },
    writeRecord: async (held, user) => record.writePerson(held, { user }),
  };
}

/** The next try of the message creates it. */
function userGone(userId: string): AppError {
  return new AppError('sync_overtaken', 'The user was deleted in LiteLLM during the sync.', {
    retryable: true,
    details: { subject: 'user', id: userId },
  });
}

/** As an organization's upsert, under the person's lease. Throws `litellm_email_taken` too. `found`: a look shortly before. */
export async function upsertUser(
  deps: SyncDeps,
  { userId, lease, recorded, proxy }: PersonSync,
  { desired, found: seen }: { readonly desired: UserValues; readonly found: LitellmUser | undefined },
): Promise<EntityInLitellm<UserValues>> {
  const user = userOf(deps, { id: userId, version: proxy.version, desired });
  const found = seen && { values: seen.values, members: [] };
  return applyOrReport(user, { found, recorded: recorded.user, lease, now: deps.clock.now() });
}
