/**
 * A write that times out may take effect later, over what was written since. Each write of a delivery is tried: the next delivery
 * runs to its end, then the late write takes effect, and the end must be the same as without it.
 */
import { describe, expect, it } from 'vitest';
import { readProvisioning } from '../../shared/home/readProvisioning.ts';
import { AppError } from '../../shared/model/errors.ts';
import { sync } from '../../shared/litellm/sync.ts';
import { repairOutcomes } from '../../shared/provisioning/repairOutcomes.ts';
import {
  type InlineMessage,
  parseProvisionMessage,
  serializeProvisionMessage,
  type SyncMessage,
} from '../../shared/queue/queueMessage.ts';
import { keepPoison, redrive } from '../../shared/queue/queueWorker.ts';
import { poisonOf } from '../support/messageSeals.ts';
import { createLateTables } from '../support/lateWrites.ts';
import { unreachable } from '../support/memoryLitellm.ts';
import { createSyncWorld, type SyncWorld } from '../support/syncWorld.ts';
import { ALICE, membershipsOf, message, readyWorld, TENANT_ID, type World } from '../support/world.ts';

const DOWN = new AppError('directory_unreachable', 'down', { retryable: true });
const GROUPS = ['entra-group-123', 'late-group'];
const ASSIGNED = GROUPS.map((id) => ({ id, displayName: id }));
const HOUR_MS = 3_600_000;

async function statusOf(
  world: World,
  { id, observed_at: observedAt }: InlineMessage,
): Promise<{ status: string; reason: string | undefined }> {
  const observation = { id, observed_at: observedAt };
  const session = { userId: ALICE, tenantId: TENANT_ID, observation, issuedAt: observedAt };
  const { status, reason } = await readProvisioning(world, session, id);
  return { status, reason };
}

/** Delivers what was put back, until nothing is. */
async function drain(world: World): Promise<void> {
  for (let next = world.queued.shift(); next !== undefined; next = world.queued.shift()) {
    world.clock.advance(next.delaySeconds * 1000);
    await world.provision(parseProvisionMessage(next.text)).catch(() => undefined);
  }
}

/** The first delivery finds the directory down and has a write that is late; the second one ends it. */
async function runProvisioning(
  late: number,
  endIt: (world: World, entry: InlineMessage) => Promise<void>,
): Promise<{ sent: number; status: unknown; memberships: readonly string[] }> {
  const world = await readyWorld();
  await world.provision(message({ id: 'before', groups: GROUPS.slice(0, 1) }));
  world.clock.advance(60_000);
  world.assigned = DOWN;
  const entry = message({ id: 'entry', groups: GROUPS, second: 30 });
  const tables = createLateTables(world.tables, late);
  await world
    .through(tables)
    .provision(entry)
    .catch(() => undefined);
  world.queued.length = 0;
  await endIt(world, entry);
  await tables.land();
  return {
    sent: tables.sent(),
    status: (await statusOf(world, entry)).status,
    memberships: await membershipsOf(world, ALICE),
  };
}

describe('a late write of a provisioning that waited', () => {
  it.each<{ what: string; endIt: (world: World, entry: InlineMessage) => Promise<void>; status: unknown }>([
    {
      what: 'is done',
      endIt: async (world, entry) => {
        world.assigned = ASSIGNED;
        world.clock.advance(60_000);
        await world.provision(entry, { attempt: 2 });
        await drain(world);
      },
      status: 'done',
    },
    {
      what: 'has failed for good',
      endIt: async (world, entry) => {
        const poison = poisonOf({ id: 'poison', entry: serializeProvisionMessage(entry) });
        await keepPoison(world.queueOf(world.provisionDeps), poison);
      },
      status: 'failed',
    },
  ])('changes nothing once its message $what', async ({ endIt, status }) => {
    const none = await runProvisioning(-1, endIt);
    expect(none.status).toBe(status);
    for (let late = 0; late < none.sent; late += 1) {
      const end = await runProvisioning(late, endIt);
      expect({ late, status: end.status }).toEqual({ late, status });
      // A delivery that died may have granted less; one that is done never has.
      expect(none.memberships).toEqual(expect.arrayContaining([...end.memberships]));
      expect(end.memberships.length).toBeGreaterThanOrEqual(status === 'done' ? 4 : 2);
    }
    expect(none.sent).toBeGreaterThan(3);
  });
});

describe('a delayed outcome', () => {
  it('does not hide that its message failed for good, until it is redriven', async () => {
    const world = await readyWorld();
    const entry = message();
    const { id, observed_at: observedAt } = entry;
    const queue = world.queueOf(world.provisionDeps);
    await keepPoison(queue, poisonOf({ id: 'poison', entry: serializeProvisionMessage(entry) }));
    const observation = { id, observed_at: observedAt };
    for (const status of ['waiting', 'retrying'] as const) {
      const late = {
        observation,
        status,
        reason: 'directory_unreachable',
        attempts: 9,
        updatedAt: observedAt,
      };
      await world.store.users.recordOutcome(ALICE, late);
      expect(await statusOf(world, entry)).toMatchObject({ status: 'failed' });
    }
    await redrive(queue, {});
    expect(await statusOf(world, entry)).toMatchObject({ status: 'pending' });
    await drain(world);
    expect(await statusOf(world, entry)).toMatchObject({ status: 'done' });
  });
});

const SYNC_ALICE: SyncMessage = { version: 1, subject: { kind: 'user', id: ALICE } };

async function aliceSynced(): Promise<SyncWorld> {
  const on = createSyncWorld();
  await on.refresh();
  await on.provision(message({ id: 'before' }));
  await on.drain();
  return on;
}

async function outcomeOf(on: SyncWorld): Promise<string | undefined> {
  return (await on.deps.record.readPerson(ALICE)).outcome?.status;
}

/** The first delivery finds LiteLLM down (or not) and has a write that is late; the second one syncs. */
async function runSync(
  late: number,
  isDown: boolean,
): Promise<{ sent: number; outcome: string | undefined }> {
  const on = await aliceSynced();
  const tables = createLateTables(on.world.tables, late);
  on.litellm.faults = () => (isDown ? { when: 'before', error: unreachable() } : undefined);
  await sync(on.worker(tables), SYNC_ALICE, { attempt: 1 }).catch(() => undefined);
  on.litellm.faults = () => undefined;
  on.waiting.length = 0;
  // Whatever lease it left has run out.
  on.world.clock.advance(120_000);
  await sync(on.deps, SYNC_ALICE, { attempt: 2 });
  await tables.land();
  return { sent: tables.sent(), outcome: await outcomeOf(on) };
}

describe('a late write of a sync', () => {
  it.each([true, false])(
    'never hides that the next delivery synced the person (LiteLLM is down: %s)',
    async (isDown) => {
      const { sent, outcome } = await runSync(-1, isDown);
      expect(outcome).toBe('done');
      for (let late = 0; late < sent; late += 1) {
        expect({ late, ...(await runSync(late, isDown)) }).toMatchObject({ late, outcome: 'done' });
      }
      expect(sent).toBeGreaterThan(1);
    },
  );

  it('is dropped where another sync has recorded since it began, even if its worker slept meanwhile', async () => {
    const on = await aliceSynced();
    const seen = (await on.deps.record.readPersonSeen(ALICE)).seen;
    await sync(on.deps, SYNC_ALICE, { attempt: 2 });
    const updatedAt = on.world.clock.now().toISOString();
    for (const status of ['waiting', 'retrying', 'failed'] as const) {
      const outcome = { status, reason: 'litellm_unreachable', attempts: 1, updatedAt, reported: [] };
      await on.deps.record.recordPersonOutcome(ALICE, outcome, seen);
      expect(await outcomeOf(on)).toBe('done');
    }
  });

  it('is dropped where the next delivery synced the person between the end of the run and its outcome', async () => {
    const on = await aliceSynced();
    on.litellm.faults = () => ({ when: 'before', error: unreachable() });
    const slept = on.world.tables.view(async (moment) => {
      if (moment.phase !== 'after' || moment.kind !== 'write' || moment.write.kind !== 'delete') return;
      // Its lease is released, and its outcome isn't written yet.
      on.litellm.faults = () => undefined;
      await sync(on.deps, SYNC_ALICE, { attempt: 2 });
    });
    await expect(sync(on.worker(slept), SYNC_ALICE, { attempt: 1 })).resolves.toMatchObject({
      status: 'waiting',
    });
    expect(await outcomeOf(on)).toBe('done');
  });

  it('that says `failed` still replaces one that is not final', async () => {
    const on = await aliceSynced();
    const updatedAt = on.world.clock.now().toISOString();
    const outcome = { reason: 'litellm_unreachable', attempts: 1, updatedAt, reported: [] };
    const { seen } = await on.deps.record.readPersonSeen(ALICE);
    await on.deps.record.recordPersonOutcome(ALICE, { ...outcome, status: 'retrying' });
    await on.deps.record.recordPersonOutcome(ALICE, { ...outcome, status: 'failed' }, seen);
    expect(await outcomeOf(on)).toBe('failed');
  });

  it('shows that LiteLLM is down where that is news', async () => {
    const on = await aliceSynced();
    on.litellm.faults = () => ({ when: 'before', error: unreachable() });
    await on.sync(SYNC_ALICE.subject);
    expect(await outcomeOf(on)).toBe('waiting');
  });
});

describe('the repair of outcomes whose message is gone', () => {
  const at = (second: number): string => message({ second }).observed_at;

  it.each([
    { what: 'removes one of an applied observation', second: 0, status: undefined },
    { what: 'removes one of a superseded observation', second: -60, status: undefined },
    { what: 'records that an observation failed', second: 60, status: 'failed' },
  ])('$what after 25 hours, and not before', async ({ second, status }) => {
    const world = await readyWorld();
    await world.provision(message({ id: 'applied' }));
    const observation = { id: second === 0 ? 'applied' : 'another', observed_at: at(second) };
    await world.store.users.recordOutcome(ALICE, {
      observation,
      status: 'waiting',
      reason: 'directory_unreachable',
      attempts: 3,
      nextTryAt: at(90),
      updatedAt: world.clock.now().toISOString(),
    });
    world.clock.advance(25 * HOUR_MS);
    expect(await repairOutcomes(world)).toEqual({ outcomesRemoved: 0, outcomesFailed: 0 });
    world.clock.advance(1);
    const isFailed = status === 'failed';
    const counts = { outcomesRemoved: isFailed ? 0 : 1, outcomesFailed: isFailed ? 1 : 0 };
    expect(await repairOutcomes(world)).toEqual(counts);
    const { outcome } = await world.store.users.findWithOutcome(ALICE);
    expect(outcome?.status).toBe(status);
    expect(outcome?.nextTryAt).toBeUndefined();
    expect(await repairOutcomes(world)).toEqual({ outcomesRemoved: 0, outcomesFailed: 0 });
  });

  it('leaves final ones, and one that its message writes meanwhile', async () => {
    const world = await readyWorld();
    const failed = message();
    await keepPoison(
      world.queueOf(world.provisionDeps),
      poisonOf({ id: 'p', entry: serializeProvisionMessage(failed) }),
    );
    world.clock.advance(26 * HOUR_MS);
    const before = world.tables.dump();
    await repairOutcomes(world);
    expect(world.tables.dump()).toEqual(before);
  });
});
