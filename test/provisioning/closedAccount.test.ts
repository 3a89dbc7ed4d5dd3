/** A closed account is nobody: no consumer gives it anything (fault A2). */
import { beforeEach, describe, expect, it } from 'vitest';
import {
  ALICE,
  BOB,
  createWorld,
  message,
  PRODUCTION_TEAM,
  sampleRules,
  type World,
} from '../support/world.ts';

const { id } = PRODUCTION_TEAM;

let world: World;

beforeEach(async () => {
  world = createWorld();
  await world.refresh();
});

async function setActive(active: boolean | string, userId = ALICE): Promise<void> {
  await world.tables.write('LiteLLMUserTable', {
    kind: 'upsertMerge',
    key: { partitionKey: userId, rowKey: 'user' },
    properties: { active },
  });
}

const roleOf = async (): Promise<string | undefined> => (await world.store.users.find(ALICE))?.user.user_role;
const rolesIn = async (): Promise<readonly (string | undefined)[]> => [
  await world.store.teamMemberships.findRole(ALICE, id),
  await world.store.organizationMemberships.findRole(ALICE, id),
];

describe('a sign-in of a closed account that reaches the queue', () => {
  it('grants nothing, whatever groups and roles it has', async () => {
    await setActive(false);
    await world.provision(message({ appRoles: ['proxy_admin', 'org_admin'] }));
    expect(await roleOf()).toBe('internal_user_viewer');
    expect(await rolesIn()).toEqual([undefined, undefined]);
  });

  it('takes what Entra granted, and leaves what an administrator gave', async () => {
    await world.provision(message({ appRoles: ['proxy_admin'] }));
    const byHand = { kind: 'upsertMerge', properties: { role: 'user', grant_source: 'manual' } } as const;
    await world.tables.write('LiteLLMTeamMembership', {
      ...byHand,
      key: { partitionKey: ALICE, rowKey: 'by-hand' },
    });
    await setActive(false);
    await world.provision(message({ second: 60, appRoles: ['proxy_admin'] }));
    expect(await roleOf()).toBe('internal_user_viewer');
    expect(await rolesIn()).toEqual([undefined, undefined]);
    expect(await world.store.teamMemberships.findRole(ALICE, 'by-hand')).toBe('user');
  });

  it('gives everything back after the opening', async () => {
    await world.provision(message({ appRoles: ['proxy_admin'] }));
    await setActive(false);
    await world.provision(message({ second: 60, appRoles: ['proxy_admin'] }));
    await setActive(true);
    await world.provision(message({ second: 120, appRoles: ['proxy_admin'] }));
    expect(await roleOf()).toBe('proxy_admin');
    expect(await rolesIn()).toEqual(['user', 'internal_user']);
  });

  it('does not keep `PROXY_ADMIN_ID`', async () => {
    world = createWorld({ rules: sampleRules({ proxyAdminId: ALICE }) });
    await world.refresh();
    await world.provision(message());
    expect(await roleOf()).toBe('proxy_admin');
    await setActive(false);
    await world.provision(message({ second: 60 }));
    expect(await roleOf()).toBe('internal_user_viewer');
  });

  it.each(['full', 'additive'] as const)('ends even a last organization admin, in mode %s', async (mode) => {
    world = createWorld({ rules: sampleRules({ membershipSyncMode: mode }) });
    await world.refresh();
    await world.provision(message({ appRoles: ['org_admin'] }));
    await world.provision(message({ userId: BOB }));
    expect((await rolesIn())[1]).toBe('org_admin');
    await setActive(false);
    await world.provision(message({ second: 60, appRoles: ['org_admin'] }));
    expect((await rolesIn())[1]).toBe(mode === 'full' ? undefined : 'internal_user');
    const { run } = (await world.store.users.find(ALICE)) ?? {};
    expect(run?.report?.reported).toContainEqual({ kind: 'organization', id, code: 'no_org_admin_left' });
  });

  it('needs no list of groups', async () => {
    await setActive(false);
    world.assigned = new Error('Graph is down');
    expect(await world.provision(message({ groups: ['a group that nobody knows'] }))).toMatchObject({
      status: 'done',
    });
  });

  it('changes nothing if `active` is unreadable', async () => {
    await world.provision(message());
    await setActive('perhaps');
    await world.provision(message({ second: 60 }));
    expect(await rolesIn()).toEqual(['user', 'internal_user']);
  });
});
