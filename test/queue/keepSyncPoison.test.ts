import { describe, expect, it } from 'vitest';
import type { SyncRecord } from '../../shared/storage/syncRecord.ts';
import { FailureStore } from '../../shared/storage/failureStore.ts';
import { describeSyncMessages } from '../../shared/litellm/sync.ts';

import { type FailingQueue, keepPoison, redrive } from '../../shared/queue/queueWorker.ts';
import { parseSyncMessage, type SyncMessage } from '../../shared/queue/queueMessage.ts';
import { acceptsAllText, poisonOf } from '../support/messageSeals.ts';
import { ALICE } from '../support/world.ts';
import { createSyncWorld } from '../support/syncWorld.ts';

const entry = JSON.stringify({
  version: 1,
  subject: { kind: 'user', id: ALICE },
  waiting: { since: '2026-11-22T09:00:00.000Z', tries: 30 },
});

function createQueue(): {
  readonly queue: FailingQueue<SyncMessage>;
  readonly record: SyncRecord;
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
    queue: {
      ...describeSyncMessages(on.deps.record),
      queue: on.deps.queue,
      seal: acceptsAllText,
      failures: new FailureStore(tables, 'litellm-sync'),
      poisonQueue,
      clock,
    },
    record: on.deps.record,
    poison,
    on,
  };
}

describe('a poison message of the queue litellm-sync', () => {
  it('is kept whole with the reason of the last try, and the person sees that it failed', async () => {
    const { queue, record, on } = createQueue();
    const updatedAt = on.world.clock.now().toISOString();
    const reported = [{ kind: 'team', id: 'g', code: 'refused', detail: '403' }] as const;
    await record.recordPersonOutcome(ALICE, {
      status: 'retrying',
      reason: 'litellm_refused',
      attempts: 5,
      updatedAt,
      reported,
    });
    const poison = poisonOf({ id: 'm1', entry, isLastAttempt: false });
    expect(await keepPoison(queue, poison)).toEqual({
      reason: 'litellm_refused',
      subject: 'user',
      id: ALICE,
    });
    await keepPoison(queue, poison);
    expect((await queue.failures.read()).failures).toMatchObject([
      { id: 'm1', reason: 'litellm_refused', userId: ALICE, text: entry, authentic: true },
    ]);
    expect((await record.readPerson(ALICE)).outcome).toMatchObject({
      status: 'failed',
      reason: 'litellm_refused',
      reported,
    });
  });

  it.each([
    ['about an organization', '{"version":1,"subject":{"kind":"organization","id":"g"}}', 'unexpected'],
    ['not ours', { version: 1, subject: { kind: 'organization', id: 'g' } }, 'message_not_authentic'],
    ['unreadable', 'not JSON', 'message_unreadable'],
  ])('is kept too: %s', async (_title, given, reason) => {
    const { queue } = createQueue();
    await keepPoison(queue, poisonOf({ id: 'm1', entry: given, isLastAttempt: false }));
    expect((await queue.failures.read()).failures).toMatchObject([{ id: 'm1', reason }]);
  });

  it('is replaced by a copy that never expires after five failures', async () => {
    const { queue, poison } = createQueue();
    const keep = async (): Promise<never> => Promise.reject(new Error('no storage'));
    const broken = { ...queue, failures: { ...queue.failures, keep } };
    await expect(keepPoison(broken, poisonOf({ id: 'm1', entry, isLastAttempt: false }))).rejects.toThrow(
      'no storage',
    );
    expect(await keepPoison(broken, poisonOf({ id: 'm1', entry, isLastAttempt: true }))).toMatchObject({
      putBack: true,
    });
    expect(poison).toEqual([entry]);
  });

  it('is kept apart from those of the queue provision', async () => {
    const { queue, on } = createQueue();
    await keepPoison(queue, poisonOf({ id: 'm1', entry, isLastAttempt: false }));
    expect((await on.world.store.failures.read()).failures).toEqual([]);
  });
});

describe('redriving the queue litellm-sync', () => {
  it('puts each message back once, as new, and leaves unreadable ones', async () => {
    const { queue, on } = createQueue();
    await keepPoison(queue, poisonOf({ id: 'm1', entry, isLastAttempt: false }));
    await keepPoison(queue, poisonOf({ id: 'm2', entry: 'not JSON', isLastAttempt: false }));
    const results = await redrive(queue, {});
    expect(results.map(({ id, result }) => `${id} ${result}`).sort()).toEqual([
      'm1 redriven',
      'm2 unreadable',
    ]);
    expect(on.waiting.map(({ text }) => parseSyncMessage(text))).toEqual([
      { version: 1, subject: { kind: 'user', id: ALICE } },
    ]);
    expect(await redrive(queue, {})).toContainEqual(
      expect.objectContaining({ id: 'm1', result: 'already_redriven' }),
    );
    expect(on.waiting).toHaveLength(1);
  });
});
