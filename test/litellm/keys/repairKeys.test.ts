import { beforeEach, describe, expect, it } from 'vitest';
import { PARKED_OWNER } from '../../../shared/litellm/keys/decideKey.ts';
import { type RepairedKeys, repairKeys } from '../../../shared/litellm/keys/repairKeys.ts';
import { parseSyncMessage } from '../../../shared/queue/queueMessage.ts';
import type { KeySettings } from '../../../shared/litellm/syncDeps.ts';
import {
  ANN,
  BOB,
  createKeyWorld,
  type KeyWorld,
  OTHER_TEAM,
  repairDeps,
  TEAM,
} from '../../support/restingKeys.ts';

let on: KeyWorld;

beforeEach(async () => {
  on = await createKeyWorld();
});

async function repair(keys: Partial<KeySettings> = {}): Promise<RepairedKeys> {
  return repairKeys(repairDeps(on, keys));
}

async function readKeys(userId = ANN) {
  return [...(await on.deps.record.readPerson(userId)).keys.values()];
}

async function readDue(): Promise<readonly string[]> {
  const entries: string[] = [];
  for await (const page of on.deps.record.due.readPages()) {
    entries.push(...page.map(({ day, userId }) => `${day} ${userId}`));
  }
  return entries;
}

describe('a due key', () => {
  beforeEach(async () => {
    await on.have(ANN, [OTHER_TEAM]);
  });

  it('is deleted only after its date, and after a sign-in that still shows the group missing', async () => {
    expect((await repair()).report).toMatchObject({ parked: 1, due: 0 });
    on.advanceDays(6);
    await on.have(ANN, [OTHER_TEAM]);
    expect((await repair()).counts.deleted).toBe(0);
    on.advanceDays(2);
    const { counts, report } = await repair();
    expect(counts).toEqual({ parked: 0, returned: 0, deleted: 1, lost: 0 });
    expect(report).toMatchObject({ due: 1, unconfirmed: 0, deleted: { keys: 1 }, withoutOwner: 1 });
    expect([...on.litellm.keys.keys()].toSorted()).toEqual(['ann-other', 'bob-1', 'service']);
    expect(await readKeys()).toEqual([]);
    expect(await readDue()).toEqual([]);
  });

  it('waits for ever without such a sign-in, and the report says so', async () => {
    on.advanceDays(400);
    const { counts, report } = await repair();
    expect(counts.deleted).toBe(0);
    expect(report).toMatchObject({ parked: 1, due: 1, unconfirmed: 1 });
    await on.have(ANN, [OTHER_TEAM]);
    expect((await repair()).counts.deleted).toBe(1);
  });

  it('is not confirmed by the very observation that ended the membership, even if our clock is slow', async () => {
    on = await createKeyWorld();
    const observedAt = new Date(on.world.clock.now().getTime() + 250_000).toISOString();
    await on.provisionOnly(ANN, [OTHER_TEAM], observedAt);
    await on.drain();
    on.advanceDays(8);
    expect((await repair()).report).toMatchObject({ due: 1, unconfirmed: 1 });
  });

  it('returns instead if its owner is a member again, even long after its date', async () => {
    on.advanceDays(30);
    await on.provisionOnly(ANN, [TEAM, OTHER_TEAM]);
    on.waiting.length = 0;
    expect((await repair()).counts.deleted).toBe(0);
    expect(on.waiting.map(({ text }) => parseSyncMessage(text).subject)).toEqual([{ kind: 'user', id: ANN }]);
    await on.drain();
    expect(on.key('ann-1')).toMatchObject({ userId: ANN, teamId: TEAM, blocked: false });
    await repair();
    expect(await readDue()).toEqual([]);
  });

  it.each<[string, object]>([
    ['gave another owner', { userId: BOB }],
    ['put into a team', { userId: PARKED_OWNER, teamId: OTHER_TEAM }],
    ['gave back', { userId: ANN, teamId: TEAM, blocked: false }],
  ])('is not ours any more once somebody %s', async (_what, changes) => {
    const key = on.key('ann-1');
    if (key !== undefined) on.litellm.keys.set('ann-1', { ...key, ...changes });
    on.advanceDays(8);
    await on.have(ANN, [OTHER_TEAM]);
    expect((await repair()).counts.deleted).toBe(0);
    expect(on.key('ann-1')).toBeDefined();
  });
});

describe('many due keys at once', () => {
  beforeEach(async () => {
    for (let index = 0; index < 21; index += 1) on.addKey(`many-${index}`);
    await on.have(ANN, [OTHER_TEAM]);
    on.advanceDays(8);
    await on.have(ANN, [OTHER_TEAM]);
  });

  it('wait, until an operator accepts their version', async () => {
    const held = await repair();
    expect(held.counts.deleted).toBe(0);
    const version = held.report.heldBack?.version ?? '';
    expect(held.report.heldBack?.hashes).toHaveLength(22);
    expect((await repair({ acceptVersion: 'other' })).counts.deleted).toBe(0);
    const accepted = await repair({ acceptVersion: version });
    expect(accepted.counts.deleted).toBe(22);
    expect(accepted.report.heldBack).toBeUndefined();
  });
});

describe('a parked key that somebody opened', () => {
  it('is parked again by the next daily job', async () => {
    await on.have(ANN, [OTHER_TEAM]);
    const key = on.key('ann-1');
    if (key !== undefined) on.litellm.keys.set('ann-1', { ...key, blocked: false });
    expect((await repair()).counts.parked).toBe(1);
    expect(on.litellm.answers('ann-1')).toBe(false);
    expect((await readKeys()).map(({ state }) => state)).toEqual(['parked']);
  });
});

describe('closed accounts with open keys', () => {
  it('are counted where LITELLM_CLOSE_FOUND leaves users alone that LiteLLM had before', async () => {
    await on.world.tables.write('LiteLLMUserTable', {
      kind: 'upsertMerge',
      key: { partitionKey: BOB, rowKey: 'user' },
      properties: { active: false },
    });
    const report = async (closesFoundUsers: boolean): Promise<number> => {
      const deps = { ...repairDeps(on, {}), closesFoundUsers };
      return (await repairKeys(deps)).report.closedWithKeys;
    };
    // This product created Bob, so it closes him in any case.
    expect(await report(false)).toBe(0);
    await on.world.tables.write('SyncedPeople', {
      kind: 'delete',
      key: { partitionKey: BOB, rowKey: 'user' },
      etag: '*',
    });
    expect(await report(false)).toBe(1);
    expect(await report(true)).toBe(0);
  });
});

describe('a key in a team of ours whose owner is no member', () => {
  it('is parked where the person once was our member', async () => {
    await on.have(ANN, [OTHER_TEAM]);
    on.addKey('stray');
    const { counts, report } = await repair();
    expect(counts.parked).toBe(1);
    expect(report.strays).toEqual({ parked: 1, leftAlone: 0 });
    expect(on.key('stray')).toMatchObject({ userId: PARKED_OWNER, blocked: true });
    const keys = await readKeys();
    expect(keys.find(({ hash }) => hash === 'stray')).toMatchObject({ state: 'parked', teamId: TEAM });
  });

  it('is parked where this product made it, and else left alone and counted', async () => {
    on.addKey('bob-marked', {
      userId: BOB,
      teamId: OTHER_TEAM,
      metadata: { made_by: 'litellm-entra-provisioning' },
    });
    on.addKey('bob-foreign', { userId: BOB, teamId: OTHER_TEAM });
    const { report } = await repair();
    expect(report.strays).toEqual({ parked: 1, leftAlone: 1 });
    expect(on.litellm.answers('bob-foreign')).toBe(true);
    expect(on.litellm.answers('bob-marked')).toBe(false);
    // Bob was never a member, so a second look leaves the foreign key alone too.
    expect((await repair()).report.strays).toEqual({ parked: 0, leftAlone: 1 });
  });

  it.each<[string, () => void]>([
    ['an administrator added in LiteLLM', () => addMember(BOB)],
    ['nobody of ours owns', () => on.addKey('x', { userId: 'stranger', teamId: OTHER_TEAM })],
    ['our own key belongs to', () => void (on.litellm.keyUserId = BOB)],
  ])('is left alone if %s', async (_what, edit) => {
    const marked = { metadata: { made_by: 'litellm-entra-provisioning' } };
    on.addKey('marked', { userId: BOB, teamId: OTHER_TEAM, ...marked });
    if (_what.startsWith('nobody')) on.litellm.keys.delete('marked');
    edit();
    expect((await repair()).report.strays).toEqual({ parked: 0, leftAlone: 0 });
    expect(on.litellm.writes.filter(({ method }) => method === 'updateKey')).toEqual([]);
  });

  it('never touches personal keys, keys of other teams, and service accounts', async () => {
    on.addKey('personal');
    const { teamId: _team, ...personal } = on.key('personal') ?? {};
    on.litellm.keys.set('personal', { ...base, ...personal, hash: 'personal' });
    on.litellm.teams.set('foreign', { values: { team_alias: 'Foreign', models: [] }, members: new Map() });
    on.addKey('elsewhere', { teamId: 'foreign' });
    await on.have(ANN, []);
    await repair();
    for (const hash of ['personal', 'elsewhere', 'service', 'bob-1']) {
      expect([hash, on.litellm.answers(hash)]).toEqual([hash, true]);
    }
  });
});

const base = { name: 'sk-...', blocked: false, models: [], spend: 0, metadata: {} };

function addMember(userId: string): void {
  const team = on.litellm.teams.get(OTHER_TEAM);
  if (team !== undefined) team.members = new Map([...team.members, [userId, 'user']]);
}
