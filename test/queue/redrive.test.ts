import { describe, expect, it } from 'vitest';
import { redrive, type RedrivableQueue, type Redriven } from '../../shared/queue/queueWorker.ts';
import {
  type ProvisionMessage,
  parseProvisionMessage,
  serializeProvisionMessage,
} from '../../shared/queue/queueMessage.ts';
import { parkedListOf } from '../../shared/storage/parkedSnapshots.ts';
import { editRow } from '../support/handEdits.ts';
import { type World, ALICE, BOB, createWorld, membershipsOf, message } from '../support/world.ts';

function queueOf(world: World): RedrivableQueue<ProvisionMessage> {
  return world.queueOf(world.provisionDeps);
}

/** Keeps a message that failed in the given minute. */
async function keep(
  world: World,
  id: string,
  failed: { readonly entry: ProvisionMessage | string; readonly minute?: number },
): Promise<void> {
  const { entry, minute = 30 } = failed;
  const text = typeof entry === 'string' ? entry : serializeProvisionMessage(entry);
  const failedAt = `2026-11-23T08:${String(minute).padStart(2, '0')}:00.000Z`;
  await world.store.failures.keep({ id, text, reason: 'storage_unavailable', failedAt, authentic: true });
}

async function redriveAll(world: World): Promise<readonly Redriven['result'][]> {
  return (await redrive(queueOf(world), {})).map((one) => one.result);
}

describe('redrive', () => {
  it('puts one message back with its own observation time, without how long it waited before', async () => {
    const world = createWorld();
    const entry = message();
    await keep(world, 'one', { entry: { ...entry, waiting: { since: entry.observed_at, tries: 40 } } });
    await keep(world, 'two', { entry: message() });
    world.clock.advance(48 * 3600 * 1000);
    expect(await redrive(queueOf(world), { id: 'one' })).toEqual([
      { id: 'one', result: 'redriven', reason: 'storage_unavailable' },
    ]);
    expect(world.queued.map(({ text, delaySeconds }) => [parseProvisionMessage(text), delaySeconds])).toEqual(
      [[entry, 0]],
    );
    expect((await world.store.failures.find('one'))?.redrivenAt).toBe(world.clock.now().toISOString());
    expect(await world.store.failures.find('two')).not.toHaveProperty('redrivenAt');
  });

  it('keeps the name of a parked snapshot', async () => {
    const world = createWorld();
    const { group_ids: _groups, ...rest } = message();
    const entry = { ...rest, parked: parkedListOf('snapshot', ['a', 'b']) };
    await keep(world, 'one', { entry });
    await redrive(queueOf(world), { id: 'one' });
    expect(parseProvisionMessage(world.queued[0]?.text ?? '')).toEqual(entry);
  });

  it('puts back all messages that were not put back yet, oldest first', async () => {
    const world = createWorld();
    const [older, newer] = [message(), message({ userId: BOB })];
    await keep(world, 'a-newer', { entry: newer, minute: 31 });
    await keep(world, 'b-older', { entry: older });
    expect(await redriveAll(world)).toEqual(['redriven', 'redriven']);
    expect(world.queued.map(({ text }) => parseProvisionMessage(text).id)).toEqual([older.id, newer.id]);
    expect(await redriveAll(world)).toEqual(['already_redriven', 'already_redriven']);
    expect(world.queued).toHaveLength(2);
  });

  it('puts one message back a second time only if asked to do it again', async () => {
    const world = createWorld();
    await keep(world, 'one', { entry: message() });
    await redriveAll(world);
    expect(await redrive(queueOf(world), { id: 'one' })).toMatchObject([{ result: 'already_redriven' }]);
    expect(await redrive(queueOf(world), { id: 'one', again: true })).toMatchObject([{ result: 'redriven' }]);
    expect(world.queued).toHaveLength(2);
  });

  it('leaves an unreadable message where it is, says why, and continues', async () => {
    const world = createWorld();
    await keep(world, 'garbage', { entry: 'not { JSON', minute: 1 });
    await keep(world, 'good', { entry: message() });
    expect(await redrive(queueOf(world), {})).toEqual([
      { id: 'garbage', result: 'unreadable', reason: 'message_unreadable' },
      { id: 'good', result: 'redriven', reason: 'storage_unavailable' },
    ]);
    expect(await world.store.failures.find('garbage')).toMatchObject({ text: 'not { JSON' });
    expect(world.queued).toHaveLength(1);
  });

  it.each([
    { what: 'a column', columns: { failed_at: 7 }, named: ['failed_at'] },
    { what: 'the message', columns: { textCheck: '00000000' }, named: ['text'] },
    { what: 'all of it', columns: { reason: 1, textCount: 0 }, named: ['reason', 'text'] },
  ])('names a damaged row and continues: $what', async ({ columns, named }) => {
    const world = createWorld();
    await keep(world, 'damaged', { entry: message(), minute: 1 });
    await keep(world, 'good', { entry: message() });
    const key = { partitionKey: 'provision', rowKey: 'damaged' };
    await editRow(world.tables, { table: 'ProvisioningFailures', key }, columns);
    expect(await redrive(queueOf(world), {})).toEqual([
      { id: 'good', result: 'redriven', reason: 'storage_unavailable' },
      { id: 'damaged', result: 'unreadable', reason: 'row_unreadable' },
    ]);
    const { failures, unreadable } = await world.store.failures.read();
    expect(failures.map(({ id }) => id)).toEqual(['good']);
    expect(unreadable).toEqual([{ id: 'damaged', table: 'ProvisioningFailures', columns: named }]);
    await expect(redrive(queueOf(world), { id: 'damaged' })).rejects.toMatchObject({
      code: 'row_unreadable',
      details: { table: 'ProvisioningFailures', row: 'damaged', columns: named },
    });
  });

  it('throws not_found for an unknown id', async () => {
    const world = createWorld();
    await expect(redrive(queueOf(world), { id: 'unknown' })).rejects.toMatchObject({ code: 'not_found' });
  });

  it('shows the person that the message is tried again', async () => {
    const world = createWorld();
    const entry = message();
    const observation = { id: entry.id, observed_at: entry.observed_at };
    const failed = {
      observation,
      status: 'failed',
      reason: 'snapshot_missing',
      attempts: 5,
      updatedAt: entry.observed_at,
    } as const;
    await world.store.users.recordOutcome(ALICE, failed);
    await keep(world, 'one', { entry });
    await redriveAll(world);
    expect((await world.store.users.findWithOutcome(ALICE)).outcome).toMatchObject({
      status: 'retrying',
      attempts: 0,
    });
  });

  it('does not hide that a quick worker has failed again', async () => {
    const world = createWorld();
    const entry = message();
    await keep(world, 'one', { entry });
    const queue = {
      enqueue: async () =>
        world.store.users.recordOutcome(ALICE, {
          observation: { id: entry.id, observed_at: entry.observed_at },
          status: 'failed',
          reason: 'snapshot_missing',
          attempts: 5,
          updatedAt: entry.observed_at,
        }),
    };
    await redrive({ ...queueOf(world), queue }, {});
    expect((await world.store.users.findWithOutcome(ALICE)).outcome).toMatchObject({ status: 'failed' });
  });

  it('undoes nothing that was provisioned since', async () => {
    const world = createWorld();
    await world.refresh();
    await keep(world, 'old', { entry: message({ groups: [] }) });
    await world.provision(message({ second: 60 }));
    const before = await membershipsOf(world, ALICE);
    await redriveAll(world);
    const [queued] = world.queued;
    expect(await world.provision(parseProvisionMessage(queued?.text ?? ''))).toEqual({
      status: 'superseded',
    });
    expect(await membershipsOf(world, ALICE)).toEqual(before);
  });

  it('stops if the queue fails, and has marked what it put back', async () => {
    const world = createWorld();
    await keep(world, 'a', { entry: message(), minute: 1 });
    await keep(world, 'b', { entry: message() });
    let enqueued = 0;
    const queue = {
      enqueue: async () => {
        enqueued += 1;
        if (enqueued > 1) throw new Error('the queue is down');
        await Promise.resolve();
      },
    };
    await expect(redrive({ ...queueOf(world), queue }, {})).rejects.toThrow('the queue is down');
    expect((await world.store.failures.find('a'))?.redrivenAt).toBeDefined();
    expect((await world.store.failures.find('b'))?.redrivenAt).toBeUndefined();
  });

  it('leaves no row of a message that is deleted at the same moment', async () => {
    const world = createWorld();
    await keep(world, 'one', { entry: message() });
    const queue = {
      enqueue: async () => {
        const key = { partitionKey: 'provision', rowKey: 'one' };
        await world.tables.write('ProvisioningFailures', { kind: 'delete', key, etag: '*' });
      },
    };
    await redrive({ ...queueOf(world), queue }, {});
    expect(await world.store.failures.read()).toEqual({ failures: [], unreadable: [] });
  });
});
