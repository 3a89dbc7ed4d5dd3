import { describe, expect, it } from 'vitest';
import { syncOutsideQueue } from '../../shared/litellm/sync.ts';
import { unreachable } from '../support/memoryLitellm.ts';
import { createSyncWorld } from '../support/syncWorld.ts';
import { ALICE, message } from '../support/world.ts';

const SUBJECT = { kind: 'user', id: ALICE } as const;

describe('a sync from outside of the app', () => {
  it('says that it has to wait, enqueues nothing and promises the person nothing', async () => {
    const { deps, litellm, provision, refresh, waiting } = createSyncWorld();
    await refresh();
    await provision(message());
    const enqueued = waiting.length;
    litellm.faults = () => ({ when: 'before', error: unreachable() });
    const result = await syncOutsideQueue(deps, SUBJECT);
    expect(result).toMatchObject({ status: 'waiting', reason: 'litellm_unreachable' });
    expect(waiting).toHaveLength(enqueued);
    expect((await deps.record.readPerson(ALICE)).outcome).toBeUndefined();
  });

  it('syncs otherwise as the app does', async () => {
    const { deps, provision, refresh } = createSyncWorld();
    await refresh();
    await provision(message());
    expect(await syncOutsideQueue(deps, SUBJECT)).toMatchObject({ status: 'done' });
  });
});
