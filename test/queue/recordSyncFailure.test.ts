import { describe, expect, it } from 'vitest';
import { FailureStore } from '../../shared/storage/failureStore.ts';
import type { SyncFailureDeps } from '../../shared/queue/recordSyncFailure.ts';
import { recordSyncFailure, redriveSyncs } from '../../shared/queue/recordSyncFailure.ts';
import { parseSyncMessage } from '../../shared/queue/syncMessage.ts';
import { ALICE } from '../support/world.ts';
import { createSyncWorld } from '../support/syncWorld.ts';

const entry = {
  version: 1,
  subject: { kind: 'user', id: ALICE },
  waiting: { since: '2026-11-22T09:00:00.000Z', tries: 30 },
};

function createDeps(): {
  readonly deps: SyncFailureDeps;
  readonly poison: string[];
  readonly on: ReturnType<typeof createSyncWorld>;
} {
  const on = createSyncWorld();
  const poison: string[] = [];
  const poisonQueue = {
    enqueue: async (text: string): Promise<void> => {
      poison.push(text);
      await Promise.resolve();
    },
  };
  const { clock, tables } = on.world;
  return {
    deps: {
      failures: new FailureStore(tables, 'litellm-sync'),
      record: on.deps.record,
      poisonQueue,
      clock,
    },
    poison,
    on,
  };
}

describe('recordSyncFailure', () => {
  it('keeps the whole message with the reason of the last try, and shows the person that it failed', async () => {
    const { deps, on } = createDeps();
    const updatedAt = on.world.clock.now().toISOString();
    const reported = [{ kind: 'team', id: 'g', code: 'refused', detail: '403' }] as const;
    await deps.record.recordPersonOutcome(ALICE, {
      status: 'retrying',
      reason: 'litellm_refused',
      attempts: 5,
      updatedAt,
      reported,
    });
    const poison = { id: 'm1', entry, isLastAttempt: false };
    expect(await recordSyncFailure(deps, poison)).toEqual({
      reason: 'litellm_refused',
      subject: 'user',
      id: ALICE,
    });
    await recordSyncFailure(deps, poison);
    expect((await deps.failures.read()).failures).toMatchObject([
      { id: 'm1', reason: 'litellm_refused', userId: ALICE, text: JSON.stringify(entry) },
    ]);
    expect((await deps.record.readPerson(ALICE)).outcome).toMatchObject({
      status: 'failed',
      reason: 'litellm_refused',
      reported,
    });
  });

  it.each([
    ['of an organization', { version: 1, subject: { kind: 'organization', id: 'g' } }, 'unexpected'],
    ['that is no message', 'no JSON', 'message_unreadable'],
  ])('keeps one %s too', async (_title, given, reason) => {
    const { deps } = createDeps();
    await recordSyncFailure(deps, { id: 'm1', entry: given, isLastAttempt: false });
    expect((await deps.failures.read()).failures).toMatchObject([{ id: 'm1', reason }]);
  });

  it('puts a message that cannot be kept back into the poison queue at its last delivery', async () => {
    const { deps, poison } = createDeps();
    const keep = async (): Promise<never> => Promise.reject(new Error('no storage'));
    const broken = { ...deps, failures: { ...deps.failures, keep } };
    await expect(recordSyncFailure(broken, { id: 'm1', entry, isLastAttempt: false })).rejects.toThrow(
      'no storage',
    );
    expect(await recordSyncFailure(broken, { id: 'm1', entry, isLastAttempt: true })).toMatchObject({
      putBack: true,
    });
    expect(poison).toEqual([JSON.stringify(entry)]);
  });

  it('does not mix with the failures of the queue provision', async () => {
    const { deps, on } = createDeps();
    await recordSyncFailure(deps, { id: 'm1', entry, isLastAttempt: false });
    expect((await on.world.store.failures.read()).failures).toEqual([]);
  });
});

describe('redriveSyncs', () => {
  it('puts the message back as new, once, and leaves what cannot be read', async () => {
    const { deps, on } = createDeps();
    await recordSyncFailure(deps, { id: 'm1', entry, isLastAttempt: false });
    await recordSyncFailure(deps, { id: 'm2', entry: 'no JSON', isLastAttempt: false });
    const redriving = { failures: deps.failures, queue: on.deps.queue, clock: deps.clock };
    const results = await redriveSyncs(redriving, 'all');
    expect(results.map(({ id, result }) => `${id} ${result}`).sort()).toEqual([
      'm1 redriven',
      'm2 unreadable',
    ]);
    expect(on.waiting.map(({ text }) => parseSyncMessage(text))).toEqual([
      { version: 1, subject: { kind: 'user', id: ALICE } },
    ]);
    expect(await redriveSyncs(redriving, 'all')).toContainEqual(
      expect.objectContaining({ id: 'm1', result: 'already_redriven' }),
    );
    expect(on.waiting).toHaveLength(1);
  });
});
