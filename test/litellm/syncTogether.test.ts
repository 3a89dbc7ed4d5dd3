/** Twenty people of one team at once, on real parts: two instances, one storage, a proxy that loses parallel writes. */
import { createStore } from '../../shared/storage/store.ts';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleepMs } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createStorage } from '../../dev/stack/createStorage.ts';
import { type LitellmEmulator, startLitellmEmulator } from '../../dev/litellm/emulator.ts';
import { type Azurite, startAzurite } from '../../dev/stack/azurite.ts';
import { createKeepAliveFetch } from '../../shared/platform/keepAliveFetch.ts';
import { createLitellmClient } from '../../shared/litellm/client/litellmClient.ts';
import { SyncRecord } from '../../shared/storage/syncRecord.ts';
import { createAzureTables } from '../../shared/storage/tables/azureTables.ts';
import { Secret } from '../../shared/config/config.ts';
import { sync, type SyncResult } from '../../shared/litellm/sync.ts';
import type { SyncDeps } from '../../shared/litellm/syncDeps.ts';
import { withLease } from '../../shared/litellm/withLease.ts';
import { type SyncMessage, parseSyncMessage } from '../../shared/queue/syncMessage.ts';
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

/** One instance of the worker, with connections of its own. */
function createWorker(waiting: SyncMessage[]): SyncDeps {
  const { connectionString } = azurite;
  const tables = createAzureTables({ connection: { kind: 'connectionString', connectionString } });
  const clock = { now: () => new Date() };
  const sleep = async (durationMs: number): Promise<void> => sleepMs(durationMs);
  const apiKey = new Secret(litellm.masterKey);
  const fetch = createKeepAliveFetch({ idleMs: 4_000 });
  return {
    store: createStore(tables),
    proxy: createLitellmClient({ baseUrl: litellm.url, apiKey, fetch, clock, sleep }),
    record: new SyncRecord({ tables, clock, random: { uuid: randomUUID } }),
    queue: {
      enqueue: async (text) => {
        waiting.push(parseSyncMessage(text));
        await Promise.resolve();
      },
    },
    clock,
    random: { bytes: (count) => crypto.getRandomValues(new Uint8Array(count)) },
    sleep,
  };
}

/** Provisions everybody on the real storage. */
async function provisionAll(): Promise<void> {
  const { connectionString } = azurite;
  const tables = createAzureTables({ connection: { kind: 'connectionString', connectionString } });
  const on = createWorld({ rules: sampleRules({ groupsAlsoCreateOrgs: false }) }).through(tables);
  await on.refresh();
  for (const userId of PEOPLE) await on.provision(message({ userId, email: `${userId}@company.com` }));
}

const membersThere = (): readonly string[] =>
  (litellm.state.findTeam(id)?.members_with_roles ?? [])
    .map(({ user_id: userId }) => userId ?? '')
    .filter((userId) => PEOPLE.includes(userId))
    .sort();

it('are all members in the end', async () => {
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
  expect(membersThere()).toEqual(PEOPLE);
}, 60_000);

it('are not, where nobody waits for a turn: this proxy really loses them', async () => {
  for (const userId of PEOPLE) litellm.state.removeTeamMember({ teamId: id, userId });
  const { proxy } = createWorker([]);
  await Promise.all(PEOPLE.map(async (userId) => proxy.addTeamMember(id, userId, 'user')));
  expect(membersThere().length).toBeLessThan(PEOPLE.length);
});

it('take turns: nobody has the lease of a team while another one works under it', async () => {
  const workers = [createWorker([]), createWorker([])];
  let inside = 0;
  let most = 0;
  await Promise.all(
    [0, 1, 0, 1].map(async (index) => {
      const deps = workers[index];
      if (deps === undefined) throw new Error('There is no such worker.');
      await withLease(deps, { kind: 'team', id: 'turns' }, async () => {
        inside += 1;
        most = Math.max(most, inside);
        await sleepMs(30);
        inside -= 1;
      });
    }),
  );
  expect(most).toBe(1);
});
