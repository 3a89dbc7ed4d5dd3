/** What a closed account and a person without access have left in LiteLLM (docs/litellm.md, "Closing an account"). */
import { beforeEach, describe, expect, it } from 'vitest';
import type { LitellmDifference } from '../../shared/litellm/differences.ts';
import { compareAll } from '../support/litellmEdits.ts';
import { ALICE, message, PRODUCTION_TEAM } from '../support/world.ts';
import { createSyncWorld, type SyncWorld } from '../support/syncWorld.ts';
import { unreachable } from '../support/memoryLitellm.ts';

const { id } = PRODUCTION_TEAM;
const person = { kind: 'user', id: ALICE } as const;

let on: SyncWorld;

beforeEach(async () => {
  on = createSyncWorld();
  await on.refresh();
});

async function signIn(options: Parameters<typeof message>[0] = {}): Promise<void> {
  await on.provision(message(options));
  await on.drain();
}

async function editPerson(properties: Record<string, boolean | string>): Promise<void> {
  await on.world.tables.write('LiteLLMUserTable', {
    kind: 'merge',
    key: { partitionKey: ALICE, rowKey: 'user' },
    properties,
    etag: '*',
  });
}

function createKey(hash: string, teamId?: string): void {
  const key = { hash, name: 'sk-...0000', userId: ALICE, blocked: false, models: [], spend: 0, metadata: {} };
  on.litellm.keys.set(hash, teamId === undefined ? key : { ...key, teamId });
}

const isMember = (): boolean => on.litellm.teams.get(id)?.members.has(ALICE) ?? false;
const standings = async (): Promise<readonly LitellmDifference[]> =>
  (await compareAll(on)).filter(({ fields }) => fields.some(({ field }) => field === 'standing'));

describe('a closed account', () => {
  beforeEach(async () => {
    await signIn({ appRoles: ['proxy_admin'] });
    on.litellm.metadata.set(ALICE, { note: 'kept' });
    await editPerson({ active: false });
  });

  it('is deactivated before anything else, keeps its other metadata, and loses role and memberships', async () => {
    on.litellm.calls.length = 0;
    await on.sync(person);
    expect(on.litellm.writes[0]).toMatchObject({ method: 'updateUser', ids: [ALICE, '(standing)'] });
    expect(on.litellm.metadata.get(ALICE)).toEqual({ note: 'kept', scim_active: false });
    expect(on.litellm.users.get(ALICE)?.user_role).toBe('internal_user_viewer');
    expect(isMember()).toBe(false);
    expect(on.litellm.organizations.get(id)?.members.has(ALICE)).toBe(false);
    on.litellm.calls.length = 0;
    await on.sync(person);
    expect(on.litellm.writes).toEqual([]);
  });

  it('gets everything back when it is opened', async () => {
    await on.sync(person);
    await editPerson({ active: true });
    await on.sync(person);
    expect(on.litellm.metadata.get(ALICE)).toEqual({ note: 'kept', scim_active: true });
    expect(on.litellm.users.get(ALICE)?.user_role).toBe('proxy_admin');
    expect(isMember()).toBe(true);
    on.litellm.calls.length = 0;
    await on.sync(person);
    expect(on.litellm.writes).toEqual([]);
  });

  it('is deactivated again if somebody undoes it in LiteLLM, which the comparison shows', async () => {
    await on.sync(person);
    expect(await standings()).toEqual([]);
    on.litellm.metadata.set(ALICE, { note: 'kept' });
    expect(await standings()).toMatchObject([{ action: 'change', what: 'user', id: ALICE }]);
    await on.sync(person);
    expect(on.litellm.metadata.get(ALICE)).toEqual({ note: 'kept', scim_active: false });
  });

  it('differs in nothing once it is closed on both sides', async () => {
    await on.sync(person);
    const writes = (await compareAll(on)).filter(({ action }) => action !== 'left alone');
    expect(writes).toEqual([]);
  });

  it('is not undone by an unreadable `active`', async () => {
    await editPerson({ active: 'perhaps' });
    await on.sync(person);
    expect(isMember()).toBe(true);
    expect(on.litellm.metadata.get(ALICE)).toEqual({ note: 'kept' });
  });

  it('that LiteLLM never had is not created', async () => {
    on.litellm.users.delete(ALICE);
    on.litellm.calls.length = 0;
    expect(await on.sync(person)).toMatchObject({ status: 'done' });
    expect(on.litellm.writes.map(({ method }) => method)).toEqual([
      'removeTeamMember',
      'removeOrganizationMember',
    ]);
    expect(on.litellm.users.has(ALICE)).toBe(false);
  });

  it.each(['own key', 'LITELLM_CLOSE_FOUND=off', 'an id that is no object id'] as const)(
    'stays as it is, and is reported: %s',
    async (why) => {
      const userId = why === 'an id that is no object id' ? 'alice' : ALICE;
      if (userId !== ALICE) {
        await signIn({ userId });
        await on.world.tables.write('LiteLLMUserTable', {
          kind: 'merge',
          key: { partitionKey: userId, rowKey: 'user' },
          properties: { active: false },
          etag: '*',
        });
      }
      // As if LiteLLM had had the user before.
      await on.world.tables.write('SyncedPeople', {
        kind: 'delete',
        key: { partitionKey: userId, rowKey: 'user' },
        etag: '*',
      });
      const owner = why === 'own key' ? ALICE : 'default_user_id';
      on.proxy.overrides = { ownUserId: owner };
      const deps = { ...on.deps, closesFoundUsers: why !== 'LITELLM_CLOSE_FOUND=off' };
      const { reported } = await on.syncWith(deps, { kind: 'user', id: userId });
      expect(reported).toContainEqual({
        kind: 'user',
        id: userId,
        code: 'not_deactivated',
        detail: why === 'own key' ? 'own_key' : 'created_in_litellm',
      });
      expect(on.litellm.metadata.get(userId)?.['scim_active']).toBeUndefined();
    },
  );

  it('that LiteLLM had before this product is closed too, and only what this product gave is removed', async () => {
    await on.world.tables.write('SyncedPeople', {
      kind: 'delete',
      key: { partitionKey: ALICE, rowKey: 'user' },
      etag: '*',
    });
    on.litellm.teams.set('theirs', {
      values: { team_alias: 'Theirs', models: [] },
      members: new Map([[ALICE, 'user']]),
    });
    await on.sync(person);
    expect(on.litellm.metadata.get(ALICE)?.['scim_active']).toBe(false);
    expect(isMember()).toBe(false);
    expect(on.litellm.teams.get('theirs')?.members.has(ALICE)).toBe(true);
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])(
    'ends in the same state after a lost answer of call %i',
    async (number) => {
      let count = 0;
      on.litellm.faults = () => {
        count += 1;
        return count === number ? { when: 'after', error: unreachable(true) } : undefined;
      };
      await on.sync(person);
      on.litellm.faults = () => undefined;
      on.world.clock.advance(120_000);
      await on.sync(person);
      expect(on.litellm.metadata.get(ALICE)).toEqual({ note: 'kept', scim_active: false });
      expect(isMember()).toBe(false);
    },
  );
});

describe('before version 1.84, which has no deactivation', () => {
  beforeEach(async () => {
    on.litellm.version = '1.80.0';
    await signIn();
    createKey('personal');
    createKey('blocked before');
    on.litellm.keys.set('blocked before', {
      ...(on.litellm.keys.get('blocked before') ?? fail()),
      blocked: true,
    });
    await editPerson({ active: false });
  });

  it('each key is blocked and recorded, also one that is made later, and only these are opened again', async () => {
    await on.sync(person);
    createKey('made later');
    expect(await standings()).toHaveLength(1);
    await on.sync(person);
    const blocked = (): readonly (readonly [string, boolean])[] =>
      [...on.litellm.keys].map(([hash, key]) => [hash, key.blocked] as const);
    expect(blocked()).toEqual([
      ['personal', true],
      ['blocked before', true],
      ['made later', true],
    ]);
    await editPerson({ active: true });
    await on.sync(person);
    expect(blocked()).toEqual([
      ['personal', false],
      ['blocked before', true],
      ['made later', false],
    ]);
  });
});

describe('a person without access', () => {
  it('is not created in LiteLLM, and differs in nothing', async () => {
    await signIn({ groups: [] });
    expect(on.litellm.users.has(ALICE)).toBe(false);
    expect(await compareAll(on)).toEqual([]);
  });

  it('is deactivated after the last group, and reactivated with a new one', async () => {
    await signIn();
    await signIn({ groups: [], second: 60 });
    expect(isMember()).toBe(false);
    expect(on.litellm.metadata.get(ALICE)).toEqual({ scim_active: false });
    expect(await compareAll(on)).toEqual([]);
    await signIn({ second: 120 });
    expect(on.litellm.metadata.get(ALICE)).toEqual({ scim_active: true });
    expect(isMember()).toBe(true);
  });

  it('stays active with a global role above the lowest', async () => {
    await signIn();
    await signIn({ groups: [], second: 60, appRoles: ['proxy_admin_viewer'] });
    expect(on.litellm.metadata.get(ALICE)).toEqual({});
  });

  it('stays active in a team that an administrator gave, and is reactivated if one is given later', async () => {
    await signIn();
    on.litellm.teams.set('theirs', { values: { team_alias: 'Theirs', models: [] }, members: new Map() });
    await signIn({ groups: [], second: 60 });
    expect(on.litellm.metadata.get(ALICE)).toEqual({ scim_active: false });
    await on.litellm.addTeamMember('theirs', ALICE, 'user');
    expect(await standings()).toHaveLength(1);
    await on.sync(person);
    expect(on.litellm.metadata.get(ALICE)).toEqual({ scim_active: true });
    await on.sync(person);
    expect(on.litellm.metadata.get(ALICE)).toEqual({ scim_active: true });
  });

  it('stays active if a team cannot be read', async () => {
    await signIn();
    on.litellm.teams.set('theirs', {
      values: { team_alias: 'Theirs', models: [] },
      members: new Map([[ALICE, 'user']]),
    });
    on.litellm.faults = (_, { method, ids }) =>
      method === 'findTeam' && ids[0] === 'theirs' ? { when: 'before', error: unreachable() } : undefined;
    await signIn({ groups: [], second: 60 });
    expect(on.litellm.metadata.get(ALICE)).toEqual({});
  });

  it('whom LiteLLM had before this product is left alone', async () => {
    on.litellm.users.set(ALICE, { user_role: 'internal_user_viewer' });
    on.litellm.metadata.set(ALICE, {});
    await signIn();
    await signIn({ groups: [], second: 60 });
    expect(on.litellm.metadata.get(ALICE)).toEqual({});
  });
});

function fail(): never {
  throw new Error('The key is missing.');
}
