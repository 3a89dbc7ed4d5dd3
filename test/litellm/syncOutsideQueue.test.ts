import { describe, expect, it } from 'vitest';
import { syncOutsideQueue } from '../../shared/litellm/sync.ts';
import { editRow, userRow } from '../support/handEdits.ts';
import { createCompany, groupAt, personAt } from '../support/loadWorld.ts';
import { unreachable } from '../support/memoryLitellm.ts';
import { createSyncWorld } from '../support/syncWorld.ts';
import { ALICE, message } from '../support/world.ts';

const TASK = { subject: { kind: 'user', id: ALICE } } as const;
const never = (): void => expect.unreachable();

describe('a sync from outside of the app', () => {
  it('says that it has to wait, enqueues nothing and promises the person nothing', async () => {
    const { deps, litellm, provision, refresh, waiting } = createSyncWorld();
    await refresh();
    await provision(message());
    const enqueued = waiting.length;
    litellm.faults = () => ({ when: 'before', error: unreachable() });
    const result = await syncOutsideQueue(deps, TASK, never);
    expect(result).toMatchObject({ status: 'waiting', reason: 'litellm_unreachable' });
    expect(waiting).toHaveLength(enqueued);
    expect((await deps.record.readPerson(ALICE)).outcome).toBeUndefined();
  });

  it('syncs otherwise as the app does', async () => {
    const { deps, provision, refresh } = createSyncWorld();
    await refresh();
    await provision(message());
    expect(await syncOutsideQueue(deps, TASK, never)).toMatchObject({ status: 'done' });
  });

  it('hands over the syncs that should follow', async () => {
    const on = await createCompany({ people: 8, groups: 1, groupsEach: 1 });
    await editRow(on.world.tables, userRow(personAt(1)), { run_state: 'applying' });
    const later: unknown[] = [];
    const load = { subject: { kind: 'team', id: groupAt(0) }, members: true } as const;
    await syncOutsideQueue(on.deps, load, ({ subject }) => void later.push(subject));
    expect(later).toEqual([{ kind: 'user', id: personAt(1) }]);
    expect(on.waiting).toEqual([]);
  });
});
