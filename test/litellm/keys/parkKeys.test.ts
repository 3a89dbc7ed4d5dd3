import { beforeEach, describe, expect, it } from 'vitest';
import { PARKED_OWNER } from '../../../shared/litellm/keys/decideKey.ts';
import { refused, unreachable } from '../../support/memoryLitellm.ts';
import { ANN, BOB, createKeyWorld, type KeyWorld, OTHER_TEAM, TEAM } from '../../support/restingKeys.ts';

const VERSIONS = ['1.80.0', '1.84.10', '1.101.6', '1.108.0', undefined];
let on: KeyWorld;

beforeEach(async () => {
  on = await createKeyWorld();
});

async function readAnn() {
  return on.deps.record.readPerson(ANN);
}

describe.each(VERSIONS)('leaving a team and coming back, on version %s', (version) => {
  beforeEach(async () => {
    on = await createKeyWorld();
    on.litellm.version = version;
  });

  it('stops the keys of the team, destroys none, and touches no other', async () => {
    const others = ['ann-other', 'bob-1', 'service'].map((hash) => structuredClone(on.key(hash)));
    await on.have(ANN, [OTHER_TEAM]);
    expect(on.litellm.answers('ann-1')).toBe(false);
    expect(on.key('ann-1')).toMatchObject({ userId: PARKED_OWNER, blocked: true });
    expect(on.key('ann-1')?.teamId).toBeUndefined();
    expect(['ann-other', 'bob-1', 'service'].map((hash) => on.key(hash))).toEqual(others);
    expect(on.litellm.teams.get(TEAM)?.members.has(ANN)).toBe(false);
  });

  it('gives the same keys back, as they were', async () => {
    on.addKey('ann-2', {
      models: ['gpt-4'],
      blocked: true,
      expires: '2027-01-01T00:00:00.000Z',
      alias: 'mine',
    });
    const before = ['ann-1', 'ann-2'].map((hash) => structuredClone(on.key(hash)));
    await on.have(ANN, [OTHER_TEAM]);
    expect(on.litellm.answers('ann-1')).toBe(false);
    const results = await on.have(ANN, [TEAM, OTHER_TEAM]);
    expect(['ann-1', 'ann-2'].map((hash) => on.key(hash))).toEqual(before);
    expect(results.flatMap(({ keys }) => keys ?? [])).toEqual([
      { parked: 0, returned: 2, deleted: 0, lost: 0 },
    ]);
    expect((await readAnn()).keys.size).toBe(0);
  });
});

describe('the user that owns parked keys', () => {
  it('is made when first needed, once, and can do nothing', async () => {
    expect(on.litellm.users.has(PARKED_OWNER)).toBe(false);
    on.addKey('bob-2', { userId: BOB });
    await on.have(ANN, []);
    await on.have(BOB, []);
    const { role, metadata, values } = (await on.litellm.findUser(PARKED_OWNER)) ?? {};
    expect({ role, metadata, email: values?.user_email }).toEqual({
      role: 'internal_user_viewer',
      metadata: { scim_active: false },
      email: undefined,
    });
    expect(on.litellm.calls.filter(({ method }) => method === 'createUser')).toHaveLength(3);
  });

  it('loses a role that somebody gave it: a key acts with the role of its owner', async () => {
    on.litellm.users.set(PARKED_OWNER, { user_role: 'proxy_admin', models: [] });
    on.litellm.metadata.set(PARKED_OWNER, { note: 'kept' });
    await on.have(ANN, [OTHER_TEAM]);
    expect(await on.litellm.findUser(PARKED_OWNER)).toMatchObject({
      role: 'internal_user_viewer',
      metadata: { note: 'kept', scim_active: false },
    });
  });
});

describe('a removal', () => {
  it('of a person without keys costs two more requests: one list before, and one after', async () => {
    on.litellm.keys.delete('ann-1');
    await on.provisionOnly(ANN, [OTHER_TEAM]);
    on.litellm.calls.length = 0;
    await on.sync({ kind: 'user', id: ANN });
    const calls = on.litellm.calls.map(({ method }) => method);
    expect(calls).toEqual([
      'findUser',
      'findTeam',
      'findTeam',
      'readKeyPages',
      'removeTeamMember',
      'readKeyPages',
    ]);
  });

  it('records each key with what it was before the first call about it', async () => {
    on.addKey('ann-2', { models: ['gpt-4'], blocked: true });
    const seen: unknown[] = [];
    on.litellm.faults = (_number, { method, ids }) => {
      if (method === 'updateKey') {
        seen.push(
          ...(on.world.tables.dump()['SyncedPeople'] ?? [])
            .filter(({ rowKey }) => rowKey === `key:${ids[0]}` || rowKey === `left:${TEAM}`)
            .map(({ rowKey, properties }) => [rowKey, properties['state'] ?? properties['reason']]),
        );
      }
      return undefined;
    };
    await on.have(ANN, [OTHER_TEAM]);
    expect(seen).toEqual([
      ['key:ann-1', 'parking'],
      [`left:${TEAM}`, 'membership_ended'],
      ['key:ann-2', 'parking'],
      [`left:${TEAM}`, 'membership_ended'],
    ]);
    const { keys, left } = await readAnn();
    expect(keys.get('ann-2')).toMatchObject({ state: 'parked', was: { blocked: true, models: ['gpt-4'] } });
    expect(left.get(TEAM)).toMatchObject({ isOpen: false, lost: 0 });
  });

  it('takes along a key that the person makes meanwhile', async () => {
    let isMade = false;
    on.litellm.faults = (_number, { method }) => {
      if (method === 'updateKey' && !isMade) {
        isMade = true;
        on.addKey('ann-new');
      }
      return undefined;
    };
    await on.have(ANN, [OTHER_TEAM]);
    expect(['ann-1', 'ann-new'].map((hash) => on.key(hash)?.userId)).toEqual([PARKED_OWNER, PARKED_OWNER]);
  });

  it('counts a key that LiteLLM destroyed with the membership, once', async () => {
    on.litellm.destroyKey('ann-1', ANN);
    on.litellm.faults = (_number, { method }) => {
      if (method === 'removeTeamMember') on.addKey('ann-late');
      return undefined;
    };
    const results = await on.have(ANN, [OTHER_TEAM]);
    on.litellm.faults = () => undefined;
    expect(on.key('ann-late')).toBeUndefined();
    // The one that she deleted herself before is not lost.
    expect(results.flatMap(({ keys }) => keys ?? [])).toEqual([
      { parked: 0, returned: 0, deleted: 0, lost: 1 },
    ]);
    expect((await readAnn()).left.get(TEAM)?.lost).toBe(1);
    expect((await on.sync({ kind: 'user', id: ANN })).keys).toBeUndefined();
  });

  it('parks a key that a removal left in the team (before 1.80.6)', async () => {
    on.litellm.version = '1.80.0';
    on.litellm.faults = (_number, { method }) => {
      if (method === 'removeTeamMember') on.addKey('ann-late');
      return undefined;
    };
    await on.have(ANN, [OTHER_TEAM]);
    expect(on.litellm.answers('ann-late')).toBe(false);
  });

  it('is not held up by a key that cannot be parked in three tries, and says that it was lost', async () => {
    on.addKey('ann-2');
    on.litellm.faults = (_number, { method, ids }) =>
      method === 'updateKey' && ids[0] === 'ann-1' ? { when: 'before', error: refused(400) } : undefined;
    const results = await on.have(ANN, [OTHER_TEAM]);
    const tries = on.litellm.calls.filter(({ method, ids }) => method === 'updateKey' && ids[0] === 'ann-1');
    expect(tries).toHaveLength(3);
    expect(on.key('ann-1')).toBeUndefined();
    expect(on.key('ann-2')?.userId).toBe(PARKED_OWNER);
    expect(results.flatMap(({ keys }) => keys ?? [])).toEqual([
      { parked: 1, returned: 0, deleted: 0, lost: 1 },
    ]);
  });

  it('waits while the keys cannot be listed', async () => {
    on.litellm.faults = (_number, { method }) =>
      method === 'readKeyPages' ? { when: 'before', error: unreachable() } : undefined;
    await on.provisionOnly(ANN, [OTHER_TEAM]);
    expect(await on.sync({ kind: 'user', id: ANN })).toMatchObject({ status: 'waiting' });
    expect(on.litellm.teams.get(TEAM)?.members.has(ANN)).toBe(true);
    on.litellm.faults = () => undefined;
    await on.drain();
    expect(on.litellm.teams.get(TEAM)?.members.has(ANN)).toBe(false);
    expect(on.key('ann-1')?.userId).toBe(PARKED_OWNER);
  });

  it('is sent again until a later look shows that the membership is gone', async () => {
    let lost = 2;
    on.litellm.loseRemovals = () => (lost -= 1) >= 0;
    await on.provisionOnly(ANN, [OTHER_TEAM]);
    await on.sync({ kind: 'user', id: ANN });
    expect(on.litellm.teams.get(TEAM)?.members.has(ANN)).toBe(true);
    expect(on.litellm.answers('ann-1')).toBe(false);
    expect((await readAnn()).teams.get(TEAM)?.state).toBe('removed');
    await on.drain();
    expect(on.litellm.teams.get(TEAM)?.members.has(ANN)).toBe(false);
    expect((await readAnn()).teams.has(TEAM)).toBe(false);
    expect(on.litellm.calls.filter(({ method }) => method === 'removeTeamMember')).toHaveLength(3);
  });

  it('leaves the owner of the key that this product calls with in the team', async () => {
    on.litellm.keyUserId = ANN;
    await on.provisionOnly(ANN, [OTHER_TEAM]);
    const { reported } = await on.sync({ kind: 'user', id: ANN });
    expect(reported).toContainEqual({ kind: 'user', id: ANN, code: 'owns_our_key' });
    expect(on.litellm.teams.get(TEAM)?.members.has(ANN)).toBe(true);
    expect(on.litellm.answers('ann-1')).toBe(true);
  });

  it('fixes the date of deletion at once: a changed setting never shortens it', async () => {
    on = await createKeyWorld({ keys: { parkedKeyDays: 30 } });
    const before = on.world.clock.now().getTime();
    await on.have(ANN, [OTHER_TEAM]);
    const { keys } = await readAnn();
    const days = (Date.parse(keys.get('ann-1')?.deleteAt ?? '') - before) / 86_400_000;
    expect(days).toBeGreaterThanOrEqual(30);
    expect(days).toBeLessThan(30.1);
  });
});

describe.each(VERSIONS)('without any days of rest, on version %s', (version) => {
  it('deletes the keys of the team at the removal, and no other', async () => {
    on = await createKeyWorld({ keys: { parkedKeyDays: 0 } });
    on.litellm.version = version;
    const results = await on.have(ANN, [OTHER_TEAM]);
    expect([...on.litellm.keys.keys()].toSorted()).toEqual(['ann-other', 'bob-1', 'service']);
    expect(results.flatMap(({ keys }) => keys ?? [])).toEqual([
      { parked: 1, returned: 0, deleted: 1, lost: 0 },
    ]);
    expect((await readAnn()).keys.size).toBe(0);
  });
});

describe.each(VERSIONS)('an account that is closed and opened again, on version %s', (version) => {
  it('stops every key, destroys none, and gives them back open', async () => {
    on.litellm.version = version;
    const setActive = async (active: boolean): Promise<void> => {
      const key = { partitionKey: ANN, rowKey: 'user' };
      await on.world.tables.write('LiteLLMUserTable', {
        kind: 'merge',
        key,
        properties: { active },
        etag: '*',
      });
      await on.sync({ kind: 'user', id: ANN });
      await on.drain();
    };
    const before = structuredClone(on.key('ann-1'));
    await setActive(false);
    expect(on.key('ann-1')).toMatchObject({ userId: PARKED_OWNER, blocked: true });
    await setActive(true);
    expect(on.key('ann-1')).toEqual(before);
    expect(on.litellm.answers('ann-other')).toBe(true);
  });
});

describe('coming back', () => {
  it.each<[string, (world: KeyWorld) => void]>([
    ['gave another owner', ({ litellm }) => setKey(litellm, { userId: BOB })],
    ['gave another owner and opened', ({ litellm }) => setKey(litellm, { userId: BOB, blocked: false })],
    ['put into another team', ({ litellm }) => setKey(litellm, { userId: ANN, teamId: OTHER_TEAM })],
    ['gave back to its owner without a team', ({ litellm }) => setKey(litellm, { userId: ANN })],
  ])('leaves a key alone that somebody %s', async (_what, edit) => {
    await on.have(ANN, [OTHER_TEAM]);
    edit(on);
    const edited = structuredClone(on.key('ann-1'));
    await on.have(ANN, [TEAM, OTHER_TEAM]);
    expect(on.key('ann-1')).toEqual(edited);
    expect((await readAnn()).keys.size).toBe(0);
  });

  it('forgets a key that somebody deleted', async () => {
    await on.have(ANN, [OTHER_TEAM]);
    on.litellm.keys.delete('ann-1');
    await on.have(ANN, [TEAM, OTHER_TEAM]);
    expect((await readAnn()).keys.size).toBe(0);
  });

  it('keeps a key parked that LiteLLM refuses, says since when, and tries again later', async () => {
    await on.have(ANN, [OTHER_TEAM]);
    let isFull = true;
    on.litellm.faults = (_number, { method, ids, changes }) =>
      isFull && method === 'updateKey' && ids[0] === 'ann-1' && changes?.teamId === TEAM
        ? { when: 'before', error: refused(403) }
        : undefined;
    await on.have(ANN, [TEAM, OTHER_TEAM]);
    expect(on.key('ann-1')).toMatchObject({ userId: PARKED_OWNER, blocked: true });
    const key = (await readAnn()).keys.get('ann-1');
    expect(key).toMatchObject({ state: 'parked' });
    expect(key?.refusedAt).toBeDefined();
    isFull = false;
    on.world.clock.advance(120_000);
    await on.sync({ kind: 'user', id: ANN });
    expect(on.litellm.answers('ann-1')).toBe(true);
    expect(on.key('ann-1')).toMatchObject({ userId: ANN, teamId: TEAM });
  });
});

function setKey(
  { keys }: KeyWorld['litellm'],
  changes: { userId: string; teamId?: string; blocked?: boolean },
): void {
  const key = keys.get('ann-1');
  if (key !== undefined) keys.set('ann-1', { ...key, ...changes });
}
