import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createStorage } from '../../dev/stack/createStorage.ts';
import { SyncRecord, type HeldLease } from '../../shared/storage/syncRecord.ts';
import { createAzureTables } from '../../shared/storage/tables/azureTables.ts';
import { TABLES } from '../../shared/storage/tables/tableNames.ts';
import type { Leaving, RestingKey } from '../../shared/model/restingKeys.ts';
import type { Properties, Tables } from '../../shared/model/tables.ts';
import type { SyncedMembership, SyncOutcome, SyncSubject } from '../../shared/model/synced.ts';
import type { UserValues } from '../../shared/model/litellmValues.ts';
import { startAzurite } from '../support/azurite.ts';
import { createMemoryTables } from '../support/memoryTables.ts';
import { createTestClock, createTestRandom, type TestClock } from '../support/signInDoubles.ts';
import { startTableProxy } from '../support/tableProxy.ts';

interface Stand {
  readonly tables: Tables;
  countRequests(): number;
  forgetRequests(): void;
  /** Loses the answer to the next request, although the service executes it. The client then tries again. */
  loseNextAnswer?(): void;
  stop(): Promise<void>;
}

function startMemory(): Promise<Stand> {
  const memory = createMemoryTables();
  return Promise.resolve({
    tables: memory,
    countRequests: () => memory.requests().length,
    forgetRequests: () => memory.forgetRequests(),
    stop: () => Promise.resolve(),
  });
}

async function startReal(): Promise<Stand> {
  const azurite = await startAzurite();
  await createStorage(azurite.connectionString);
  const proxy = await startTableProxy(azurite);
  return {
    tables: createAzureTables({
      connection: { kind: 'connectionString', connectionString: proxy.connectionString },
      retryDelayMs: 5,
    }),
    countRequests: () => proxy.requests().length,
    forgetRequests: () => proxy.forgetRequests(),
    loseNextAnswer: () => proxy.breakNext({ kind: 'loseAnswer' }),
    stop: async () => {
      await proxy.stop();
      await azurite.stop();
    },
  };
}

const LEASE_MS = 60_000;
const SINCE = '2026-11-23T09:00:00.000Z';
const ALICE: UserValues = {
  user_email: 'alice@example.com',
  user_alias: 'Alice',
  user_role: 'internal_user',
  models: ['gpt-4'],
  max_budget: 12.5,
  budget_duration: '30d',
};
const KEY_RECORD = {
  left: new Map<string, Leaving>([
    [
      'g1',
      {
        teamId: 'g1',
        reason: 'membership_ended',
        leftAt: '2026-11-23T09:00:00.000Z',
        deleteAt: '2026-11-30T09:00:00.000Z',
        observedAt: '2026-11-23T08:59:58.000Z',
        isOpen: true,
        lost: 2,
      },
    ],
  ]),
  keys: new Map<string, RestingKey>([
    [
      'a'.repeat(64),
      {
        hash: 'a'.repeat(64),
        teamId: 'g1',
        teamAlias: 'Group',
        state: 'parked',
        name: 'sk-...abcd',
        alias: 'mine',
        was: { blocked: false, models: ['gpt-4'], expires: '2027-01-01T00:00:00.000Z' },
        parkedAt: '2026-11-23T09:00:00.000Z',
        deleteAt: '2026-11-30T09:00:00.000Z',
        tries: 1,
        refusedAt: '2026-11-24T09:00:00.000Z',
      },
    ],
  ]),
};
const OUTCOME: SyncOutcome = {
  status: 'waiting',
  reason: 'litellm_unreachable',
  attempts: 3,
  updatedAt: SINCE,
  nextTryAt: '2026-11-23T09:05:00.000Z',
  reported: [
    { kind: 'team', id: 't1', code: 'differs', detail: 'max_budget' },
    { kind: 'user', id: 'u', code: 'cannot_be_cleared' },
  ],
};
const added = (entityId: string): SyncedMembership => ({
  entityId,
  state: 'added',
  role: 'user',
  since: SINCE,
});

function requireHeld(lease: HeldLease | undefined): HeldLease {
  if (lease === undefined) throw new Error('Another instance holds the lease.');
  return lease;
}

describe.each([
  { standName: 'the double in memory', start: startMemory },
  { standName: 'a real Azurite', start: startReal },
])('the record of syncs on $standName', ({ start }) => {
  let stand: Stand;
  let clock: TestClock;
  let record: SyncRecord;
  let userId = '';
  let person: SyncSubject;
  let testNumber = 0;

  beforeAll(async () => {
    stand = await start();
  });
  afterAll(async () => stand.stop());
  beforeEach(() => {
    testNumber += 1;
    userId = `user-${testNumber}`;
    person = { kind: 'user', id: userId };
    clock = createTestClock();
    record = createRecord('one');
    stand.forgetRequests();
  });

  /** Creates another instance of the product on the same tables. */
  const createRecord = (seed: string): SyncRecord =>
    new SyncRecord({ tables: stand.tables, clock, random: createTestRandom(`${seed} ${testNumber}`) });
  const take = async (subject = person, from = record): Promise<HeldLease> =>
    requireHeld(await from.takeLease(subject, LEASE_MS));
  const editRow = async (rowKey: string, properties: Properties): Promise<void> => {
    const key = { partitionKey: userId, rowKey };
    await stand.tables.write(TABLES.syncedPeople, { kind: 'upsertMerge', key, properties });
  };

  it('reads everything about a person in one request, and nothing about an unknown person', async () => {
    const organizations = new Map<string, SyncedMembership>([
      ['g1', { entityId: 'g1', state: 'added', role: 'internal_user', since: SINCE }],
      ['g2', { entityId: 'g2', state: 'found', role: 'org_admin', since: SINCE }],
    ]);
    const teams = new Map<string, SyncedMembership>([
      ['g1', { entityId: 'g1', state: 'adding', role: 'user', wanted: 'admin' }],
    ]);
    const standing = { reason: 'closed' as const, since: SINCE, blockedKeys: ['a'.repeat(64)] };
    const { left, keys } = KEY_RECORD;
    const user = { written: ALICE, since: SINCE };
    const all = { user, organizations, teams, left, keys, standing, outcome: OUTCOME };
    await record.writePerson(await take(), all);
    stand.forgetRequests();
    expect(await record.readPerson(userId)).toStrictEqual(all);
    expect(stand.countRequests()).toBe(1);
    expect(await record.readPerson(`${userId}-other`)).toStrictEqual({
      user: undefined,
      organizations: new Map(),
      teams: new Map(),
      standing: undefined,
      left: new Map(),
      keys: new Map(),
      outcome: undefined,
    });
  });

  it('keeps an organization and a team of the same id apart, and reads each in one request', async () => {
    const id = `g-${testNumber}`;
    const organization = {
      written: { organization_alias: 'Zoë & Co', models: ['a', 'b'], max_budget: 0, tpm_limit: 5 },
      since: SINCE,
    };
    const team = {
      written: { team_alias: 'T', organization_id: id, models: [], rpm_limit: 1 },
      since: SINCE,
    };
    await record.writeOrganization(await take({ kind: 'organization', id }), organization);
    expect(await record.findTeam(id)).toBeUndefined();
    await record.writeTeam(await take({ kind: 'team', id }), team);
    stand.forgetRequests();
    expect(await record.findOrganization(id)).toStrictEqual(organization);
    expect(stand.countRequests()).toBe(1);
    expect(await record.findTeam(id)).toStrictEqual(team);
  });

  it('stores a list of models that is longer than Azure’s longest string', async () => {
    const id = `g-${testNumber}`;
    const models = Array.from({ length: 4_000 }, (_, index) => `provider/model-${index}`);
    const organization = { written: { organization_alias: 'O', models }, since: SINCE };
    await record.writeOrganization(await take({ kind: 'organization', id }), organization);
    expect(await record.findOrganization(id)).toStrictEqual(organization);
  });

  it('changes the named entries, deletes those that are null and keeps the rest, in one transaction', async () => {
    let lease = await take();
    const teams = new Map([
      ['t1', added('t1')],
      ['t2', added('t2')],
    ]);
    const all = { user: { written: ALICE, since: SINCE }, teams, outcome: OUTCOME };
    lease = requireHeld(await record.writePerson(lease, all));
    stand.forgetRequests();
    const outcome: SyncOutcome = { status: 'done', attempts: 1, updatedAt: SINCE, reported: [] };
    const changes = { user: null, teams: new Map([['t1', null]]), organizations: new Map(), outcome };
    lease = requireHeld(await record.writePerson(lease, changes));
    expect(stand.countRequests()).toBe(1);
    const person2 = await record.readPerson(userId);
    expect(person2).toMatchObject({ user: undefined, outcome });
    expect(person2.outcome).toStrictEqual(outcome);
    expect([...person2.teams.keys()]).toEqual(['t2']);
    stand.forgetRequests();
    expect(await record.writePerson(lease, {})).toBe(lease);
    expect(stand.countRequests()).toBe(0);
  });

  it('writes 250 memberships in three transactions, each of which changes the ETag of the lease', async () => {
    const ids = Array.from({ length: 250 }, (_, index) => `t${index}`);
    const lease = await take();
    stand.forgetRequests();
    const teams = new Map(ids.map((id) => [id, added(id)]));
    const moved = requireHeld(await record.writePerson(lease, { teams, outcome: OUTCOME }));
    expect(stand.countRequests()).toBe(3);
    expect(moved).toMatchObject({ holder: lease.holder, expiresAtMs: lease.expiresAtMs });
    expect(moved.etag).not.toBe(lease.etag);
    expect((await record.readPerson(userId)).teams.size).toBe(250);
    expect(await record.writePerson(moved, { teams: new Map([['t0', null]]) })).toBeDefined();
    expect((await record.readPerson(userId)).teams.size).toBe(249);
  });

  it('deletes a row that an operator has already deleted', async () => {
    const lease = await take();
    const moved = await record.writePerson(lease, {
      organizations: new Map([['g1', null]]),
      teams: new Map<string, SyncedMembership | null>([
        ['t1', null],
        ['t2', added('t2')],
      ]),
    });
    expect(moved).toBeDefined();
    expect([...(await record.readPerson(userId)).teams.keys()]).toEqual(['t2']);
  });

  describe('a lease', () => {
    it('goes to one of two callers for a read and a write, and to the other after the release', async () => {
      const other = createRecord('two');
      const lease = await take();
      expect(stand.countRequests()).toBe(2);
      expect(lease.expiresAtMs).toBe(clock.now().getTime() + LEASE_MS);
      expect(await other.takeLease(person, LEASE_MS)).toBeUndefined();
      expect(await record.takeLease(person, LEASE_MS)).toBeUndefined();
      stand.forgetRequests();
      await record.releaseLease(lease);
      expect(stand.countRequests()).toBe(1);
      expect(await other.takeLease(person, LEASE_MS)).toBeDefined();
    });

    it('goes to exactly one of many concurrent callers', async () => {
      const takers = Array.from({ length: 8 }, (_, index) => createRecord(`taker ${index}`));
      const taken = await Promise.all(takers.map((taker) => taker.takeLease(person, LEASE_MS)));
      expect(taken.filter((lease) => lease !== undefined)).toHaveLength(1);
    });

    it('can be taken over five seconds after it expired and not before; then the first holder cannot write', async () => {
      const other = createRecord('two');
      const stale = await take();
      clock.advance(LEASE_MS + 5_000);
      expect(await other.takeLease(person, LEASE_MS)).toBeUndefined();
      clock.advance(1);
      const lease = await take(person, other);
      expect(await record.writePerson(stale, { teams: new Map([['t1', added('t1')]]) })).toBeUndefined();
      expect(await record.renewLease(stale, LEASE_MS)).toBeUndefined();
      await record.releaseLease(stale);
      expect(await record.takeLease(person, LEASE_MS)).toBeUndefined();
      expect((await record.readPerson(userId)).teams.size).toBe(0);
      expect(await other.writePerson(lease, { teams: new Map([['t1', added('t1')]]) })).toBeDefined();
    });

    it('stops a holder between two of its transactions', async () => {
      const other = createRecord('two');
      const stale = await take();
      const first = requireHeld(await record.writePerson(stale, { teams: new Map([['t1', added('t1')]]) }));
      clock.advance(LEASE_MS + 5_001);
      await take(person, other);
      expect(await record.writePerson(first, { teams: new Map([['t1', null]]) })).toBeUndefined();
      expect((await record.readPerson(userId)).teams.size).toBe(1);
    });

    it('still allows writes after it expired if no other instance took it, and is renewed in one write', async () => {
      const lease = await take();
      clock.advance(LEASE_MS * 2);
      stand.forgetRequests();
      const renewed = requireHeld(await record.renewLease(lease, LEASE_MS));
      expect(stand.countRequests()).toBe(1);
      expect(renewed.expiresAtMs).toBe(clock.now().getTime() + LEASE_MS);
      expect(await createRecord('two').takeLease(person, LEASE_MS)).toBeUndefined();
      expect(await record.writePerson(renewed, { outcome: OUTCOME })).toBeDefined();
    });

    it('is separate for a person, an organization and a team of the same id', async () => {
      for (const kind of ['user', 'organization', 'team'] as const) {
        expect(await record.takeLease({ kind, id: userId }, LEASE_MS)).toBeDefined();
      }
    });
  });

  it('records an outcome in one write while another instance holds the lease, and cuts its reports', async () => {
    const lease = await take(person, createRecord('two'));
    const longId = 'x'.repeat(128);
    const reported = Array.from({ length: 200 }, () => ({
      kind: 'organization' as const,
      id: longId,
      code: 'cannot_be_cleared' as const,
      detail: 'max_budget, budget_duration, tpm_limit, rpm_limit',
    }));
    stand.forgetRequests();
    await record.recordPersonOutcome(userId, { ...OUTCOME, reported });
    expect(stand.countRequests()).toBe(1);
    expect((await record.readPerson(userId)).outcome?.reported).toHaveLength(90);
    expect(await record.writePerson(lease, { outcome: OUTCOME })).toBeDefined();
    expect((await record.readPerson(userId)).outcome).toEqual(OUTCOME);
  });

  it.each([
    ['team:t1', { state: 'maybe' }, ['state']],
    ['team:t1', { role: '' }, ['role']],
    ['organization:g1', { state: 1, role: 2 }, ['role', 'state']],
    ['user', { writtenCheck: '00000000' }, ['written']],
    ['user', { since: 5, writtenCount: 'x' }, ['since', 'written']],
  ])('names the row and columns that cannot be read: %s %o', async (rowKey, properties, columns) => {
    await record.writePerson(await take(), {
      user: { written: ALICE, since: SINCE },
      organizations: new Map([['g1', added('g1')]]),
      teams: new Map([['t1', added('t1')]]),
    });
    await editRow(rowKey, properties);
    await expect(record.readPerson(userId)).rejects.toMatchObject({
      code: 'row_unreadable',
      retryable: false,
      details: { table: TABLES.syncedPeople, row: `${userId}/${rowKey}`, columns },
    });
  });

  it('throws for values of another shape and for a lease with an unreadable expiry', async () => {
    const id = `g-${testNumber}`;
    // The row of an organization with the values of a team.
    const lease = await take({ kind: 'organization', id });
    await record.writeTeam(lease, { written: { team_alias: 'T', models: [] }, since: SINCE });
    await expect(record.findOrganization(id)).rejects.toMatchObject({
      code: 'row_unreadable',
      details: { table: TABLES.syncedEntities, row: `organization:${id}/entity`, columns: ['written'] },
    });
    await editRow('lease', { holder: 'x', expires_at: 'soon' });
    await expect(record.takeLease(person, LEASE_MS)).rejects.toMatchObject({
      code: 'row_unreadable',
      details: { columns: ['expires_at'] },
    });
  });

  it('reads an unreadable outcome as absent, because it decides nothing', async () => {
    await record.recordPersonOutcome(userId, OUTCOME);
    await editRow('outcome', { reported: '[{}]' });
    expect((await record.readPerson(userId)).outcome).toBeUndefined();
  });

  it('takes the lease and writes under it even if answers are lost on the network', async () => {
    const lease = await takeWithLostAnswer();
    stand.loseNextAnswer?.();
    const teams = new Map<string, SyncedMembership | null>([['t1', added('t1')]]);
    const moved = requireHeld(await record.writePerson(lease, { teams }));
    expect((await record.readPerson(userId)).teams.size).toBe(1);
    stand.loseNextAnswer?.();
    const renewed = requireHeld(await record.renewLease(moved, LEASE_MS));
    expect(await record.writePerson(renewed, { teams: new Map([['t1', null]]) })).toBeDefined();
    expect((await record.readPerson(userId)).teams.size).toBe(0);
  });

  /** Loses the answer to the write of the lease, and not the answer to the read before it. */
  async function takeWithLostAnswer(): Promise<HeldLease> {
    const tables: Tables = {
      ...stand.tables,
      write: (table, write) => {
        stand.loseNextAnswer?.();
        return stand.tables.write(table, write);
      },
    };
    const losing = new SyncRecord({ tables, clock, random: createTestRandom(`losing ${testNumber}`) });
    return requireHeld(await losing.takeLease(person, LEASE_MS));
  }
});
