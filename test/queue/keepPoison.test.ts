import { describe, expect, it } from 'vitest';
import { AppError } from '../../shared/model/errors.ts';
import { type ProvisionMessage, serializeProvisionMessage } from '../../shared/queue/queueMessage.ts';
import {
  type FailingQueue,
  keepPoison,
  type KeptMessage,
  type PoisonMessage,
} from '../../shared/queue/queueWorker.ts';
import { describeProvisionMessages } from '../../shared/provisioning/provisionUser.ts';
import { FailureStore } from '../../shared/storage/failureStore.ts';
import { UserStore } from '../../shared/storage/userStore.ts';
import type { Tables } from '../../shared/model/tables.ts';
import { acceptsAllText, poisonOf } from '../support/messageSeals.ts';
import { breakingStore, editRow, userRow } from '../support/handEdits.ts';
import { type QueuedMessage, type World, ALICE, createWorld, message } from '../support/world.ts';

const AT = '2026-11-23T09:00:00.000Z';

interface Poisoned {
  readonly world: World;
  readonly poisonQueue: QueuedMessage[];
  readonly record: (poison: Partial<PoisonMessage>, tables?: Tables) => Promise<KeptMessage>;
}

function poisoned(): Poisoned {
  const world = createWorld();
  const poisonQueue: QueuedMessage[] = [];
  const queue = { enqueue: async () => Promise.reject(new Error('Nothing is put back.')) };
  const queueOn = (tables: Tables): FailingQueue<ProvisionMessage> => ({
    ...describeProvisionMessages(new UserStore(tables)),
    queue,
    seal: acceptsAllText,
    failures: new FailureStore(tables, 'provision'),
    poisonQueue: {
      enqueue: async (text, { delaySeconds = 0 } = {}) => {
        poisonQueue.push({ text, delaySeconds });
        await Promise.resolve();
      },
    },
    clock: world.clock,
  });
  return {
    world,
    poisonQueue,
    record: async (poison, tables = world.tables) => keepPoison(queueOn(tables), poisonOf(poison)),
  };
}

async function outcomeOf(world: World): Promise<unknown> {
  return (await world.store.users.findWithOutcome(ALICE)).outcome;
}

describe('a poison message of the queue provision', () => {
  it('is kept whole with the reason of the last try, and the person sees that it failed', async () => {
    const { world, record } = poisoned();
    const entry = message();
    const observation = { id: entry.id, observed_at: entry.observed_at };
    await world.store.users.recordOutcome(ALICE, {
      observation,
      status: 'retrying',
      reason: 'snapshot_missing',
      attempts: 5,
      updatedAt: AT,
    });
    const text = serializeProvisionMessage(entry);
    expect(await record({ entry: text })).toEqual({
      reason: 'snapshot_missing',
      userId: ALICE,
      observationId: entry.id,
    });
    expect(await world.store.failures.find('poison-1')).toEqual({
      id: 'poison-1',
      text,
      reason: 'snapshot_missing',
      failedAt: AT,
      authentic: true,
      userId: ALICE,
      observation,
    });
    expect(await outcomeOf(world)).toEqual({
      observation,
      status: 'failed',
      reason: 'snapshot_missing',
      attempts: 5,
      updatedAt: AT,
    });
  });

  it('is kept as text if the host made an object of it, is not ours, and touches no person', async () => {
    const { world, record } = poisoned();
    const entry = message();
    expect(await record({ entry })).toEqual({ reason: 'message_not_authentic' });
    const kept = await world.store.failures.find('poison-1');
    expect(JSON.parse(kept?.text ?? '')).toEqual(entry);
    expect(kept).toMatchObject({ authentic: false, reason: 'message_not_authentic' });
    expect(kept).not.toHaveProperty('userId');
    expect(await outcomeOf(world)).toBeUndefined();
  });

  it('is kept and not read if this app did not sign it', async () => {
    const { world, record } = poisoned();
    const entry = serializeProvisionMessage(message());
    expect(await record({ entry, opened: () => undefined })).toEqual({ reason: 'message_not_authentic' });
    expect(await world.store.failures.find('poison-1')).toEqual({
      id: 'poison-1',
      text: entry,
      reason: 'message_not_authentic',
      failedAt: AT,
      authentic: false,
    });
    expect(await outcomeOf(world)).toBeUndefined();
  });

  it('stays in the poison queue as it is while the key ring cannot be read', async () => {
    const { world, poisonQueue, record } = poisoned();
    const opened = (): never => {
      throw new AppError('storage_unavailable', 'no ring');
    };
    const entry = 'v2 k000001 mac {}';
    await expect(record({ entry, opened })).rejects.toMatchObject({ code: 'storage_unavailable' });
    expect(await record({ entry, opened, isLastAttempt: true })).toMatchObject({ putBack: true });
    expect(poisonQueue).toEqual([{ text: entry, delaySeconds: 300 }]);
    expect((await world.store.failures.read()).failures).toEqual([]);
  });

  it.each<{ what: string; entry: unknown; text: string }>([
    { what: 'not JSON', entry: 'not { JSON', text: 'not { JSON' },
    { what: 'empty', entry: '', text: '' },
    { what: 'JSON of something else', entry: { hello: 'world' }, text: '{"hello":"world"}' },
    { what: 'a message of another version', entry: { ...message(), version: 2 }, text: '' },
    { what: 'null', entry: null, text: 'null' },
    { what: 'full of odd characters', entry: '\u0000\uFFFF{[?#/\\💥', text: '\u0000\uFFFF{[?#/\\💥' },
    { what: 'as long as a queue message can be', entry: 'x'.repeat(64 * 1024), text: 'x'.repeat(64 * 1024) },
  ])('is kept whole if it is unreadable: $what', async ({ entry, text }) => {
    const { world, record } = poisoned();
    const authentic = typeof entry === 'string';
    const reason = authentic ? 'message_unreadable' : 'message_not_authentic';
    expect(await record({ entry })).toEqual({ reason });
    const kept = await world.store.failures.find('poison-1');
    expect(kept).toMatchObject({ reason, failedAt: AT, authentic });
    expect(kept?.text).toBe(text === '' && entry !== '' ? JSON.stringify(entry) : text);
    expect(kept).not.toHaveProperty('userId');
  });

  it('has the reason `unexpected` if the last try left none, or if it belongs to another message', async () => {
    const { world, record } = poisoned();
    expect(await record({ entry: serializeProvisionMessage(message()) })).toMatchObject({
      reason: 'unexpected',
    });
    await world.provision(message({ second: 60, groups: ['late'] }));
    expect(
      await record({ entry: serializeProvisionMessage(message({ second: 120 })), id: 'poison-2' }),
    ).toMatchObject({
      reason: 'unexpected',
    });
  });

  it('is kept even if the person’s row is unreadable, and names that as the reason', async () => {
    const { world, record } = poisoned();
    await editRow(world.tables, userRow(ALICE), { run_state: 'broken' });
    expect(await record({ entry: serializeProvisionMessage(message()) })).toMatchObject({
      reason: 'row_unreadable',
    });
    expect(await world.store.failures.find('poison-1')).toMatchObject({ reason: 'row_unreadable' });
  });

  it('does not hide that a newer message is done', async () => {
    const { world, record } = poisoned();
    await world.refresh();
    const older = message();
    await world.provision(message({ second: 60, groups: ['late'] }));
    const before = await outcomeOf(world);
    await record({ entry: serializeProvisionMessage(older) });
    expect(await outcomeOf(world)).toEqual(before);
  });

  it('ends in the same state if it is delivered twice', async () => {
    const { world, record } = poisoned();
    const entry = serializeProvisionMessage(message());
    await record({ entry });
    const before = world.tables.dump();
    await record({ entry });
    expect(world.tables.dump()).toEqual(before);
  });

  it('fails if it cannot be kept, so that it is delivered again', async () => {
    const { world, poisonQueue, record } = poisoned();
    const broken = breakingStore(
      world.tables,
      ({ table, kind }) => table === 'ProvisioningFailures' && kind === 'write',
    );
    await expect(record({ entry: serializeProvisionMessage(message()) }, broken)).rejects.toMatchObject({
      code: 'storage_unavailable',
    });
    expect(poisonQueue).toEqual([]);
    expect(await outcomeOf(world)).toBeUndefined();
  });

  it('is kept before its failure is shown, so that it is not lost if that fails', async () => {
    const { world, record } = poisoned();
    const broken = breakingStore(
      world.tables,
      ({ table, kind }) => table === 'LiteLLMUserTable' && kind === 'write',
    );
    await expect(record({ entry: serializeProvisionMessage(message()) }, broken)).rejects.toMatchObject({
      code: 'storage_unavailable',
    });
    expect((await world.store.failures.read()).failures).toHaveLength(1);
  });

  it('is replaced by a copy that never expires after five failures, because the host’s own copy expires', async () => {
    const { world, poisonQueue, record } = poisoned();
    const broken = world.tables.view(() => {
      throw new AppError('storage_refused', 'no table');
    });
    const entry = serializeProvisionMessage(message());
    expect(await record({ entry, isLastAttempt: true }, broken)).toEqual({
      reason: 'storage_refused',
      putBack: true,
    });
    expect(poisonQueue).toEqual([{ text: entry, delaySeconds: 300 }]);
  });
});
