/** Twenty people of one team at once, with real parts: two instances, one storage, and a proxy that loses parallel writes. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleepMs } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createStorage } from '../../dev/stack/createStorage.ts';
import { type LitellmEmulator, startLitellmEmulator } from '../../dev/litellm/emulator.ts';
import { type Azurite, startAzurite } from '../../dev/stack/azurite.ts';
import { outgoingFetch } from '../../shared/platform/outgoingFetch.ts';
import { createGuardedClient } from '../../shared/litellm/guardedClient.ts';
import { ProxyRecord } from '../../shared/storage/proxyRecord.ts';
import { SyncRecord } from '../../shared/storage/syncRecord.ts';
import { createAzureTables } from '../../shared/storage/tables/azureTables.ts';
import { createStore } from '../../shared/storage/store.ts';
import { Secret } from '../../shared/config/config.ts';
import { sync } from '../../shared/litellm/sync.ts';
import type { SyncResult, SyncDeps } from '../../shared/litellm/syncDeps.ts';
import { takeLease } from '../../shared/litellm/syncLease.ts';
import { type SyncMessage, parseSyncMessage } from '../../shared/queue/queueMessage.ts';
import { createWorld, message, PRODUCTION_TEAM, sampleRules } from '../support/world.ts';

const PEOPLE = Array.from({ length: 20 }, (_value, index) => `person-${String(index).padStart(2, '0')}`);
const { id } = PRODUCTION_TEAM;

let azurite: Azurite;
let litellm: LitellmEmulator;

beforeAll(async () => {
  azurite = await startAzurite({ queuePort: 0, tablePort: 0 });
  await createStorage(azurite.connectionString);
  litellm = await startLitellmEmulator({ version: '1.80.0' });
});
afterAll(async () => {
  await litellm?.stop();
  await azurite?.stop();
});

/** Returns one instance of the worker, with its own connections. */
function createWorker(waiting: SyncMessage[]): SyncDeps {
  const { connectionString } = azurite;
  const tables = createAzureTables({ connection: { kind: 'connectionString', connectionString } });
  const clock = { now: () => new Date() };
  const sleep = async (durationMs: number): Promise<void> => sleepMs(durationMs);
  const apiKey = new Secret(litellm.masterKey);
  const fetch = outgoingFetch;
  const store = createStore(tables);
  return {
    store,
    ...createGuardedClient(
      { baseUrl: litellm.url, apiKey, fetch, clock, sleep },
      { record: new ProxyRecord(tables, litellm.url), users: store.users },
    ),
    parkedOwner: { ensure: async () => Promise.resolve() },
    keys: { parkedKeyDays: 7 },
    record: new SyncRecord({ tables, clock, random: { uuid: randomUUID } }),
    sharedBudget: 'split',
    queue: {
      enqueue: async (text) => {
        waiting.push(parseSyncMessage(text));
        await Promise.resolve();
      },
    },
    closesFoundUsers: true,
    clock,
    random: { bytes: (count) => crypto.getRandomValues(new Uint8Array(count)) },
    sleep,
  };
}

/** Provisions everyone in the real storage. */
async function provisionAll(): Promise<void> {
  const { connectionString } = azurite;
  const tables = createAzureTables({ connection: { kind: 'connectionString', connectionString } });
  const on = createWorld({ rules: sampleRules({ groupsAlsoCreateOrgs: false }) }).through(tables);
  await on.refresh();
  for (const userId of PEOPLE) await on.provision(message({ userId, email: `${userId}@company.com` }));
}

const membersInLitellm = (): readonly string[] =>
  (litellm.state.findTeam(id)?.members_with_roles ?? [])
    .map(({ user_id: userId }) => userId ?? '')
    .filter((userId) => PEOPLE.includes(userId))
    .sort();

it('twenty people all become members', async () => {
  await provisionAll();
  const waiting: SyncMessage[] = [];
  const workers = [createWorker(waiting), createWorker(waiting)];
  let messages: SyncMessage[] = PEOPLE.map((userId) => ({
    version: 1,
    subject: { kind: 'user', id: userId },
  }));
  litellm.faults.set({ memberWriteGapMs: 20 });
  for (let round = 0; messages.length > 0; round += 1) {
    expect(round).toBeLessThan(10);
    const results = await Promise.all(
      messages.map(async (each, index): Promise<SyncResult> => {
        const deps = workers[index % workers.length];
        if (deps === undefined) throw new Error('There is no such worker.');
        return sync(deps, each, { attempt: 1 });
      }),
    );
    expect(results.filter(({ status }) => status === 'nothing')).toEqual([]);
    messages = waiting.splice(0);
  }
  expect(membersInLitellm()).toEqual(PEOPLE);
}, 60_000);

it('without leases this proxy really loses members', async () => {
  for (const userId of PEOPLE) litellm.state.removeTeamMember({ teamId: id, userId });
  const worker = createWorker([]);
  await Promise.all(PEOPLE.map(async (userId) => worker.litellm.addTeamMember(id, userId, 'user')));
  expect(membersInLitellm().length).toBeLessThan(PEOPLE.length);
});

it('two workers never hold the lease of a team at once', async () => {
  const workers = [createWorker([]), createWorker([])];
  let inside = 0;
  let most = 0;
  await Promise.all(
    [0, 1, 0, 1].map(async (index) => {
      const deps = workers[index];
      if (deps === undefined) throw new Error('There is no such worker.');
      const lease = await takeLease(deps, { kind: 'team', id: 'turns' });
      inside += 1;
      most = Math.max(most, inside);
      await sleepMs(30);
      inside -= 1;
      await lease.release();
    }),
  );
  expect(most).toBe(1);
});
