import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sampleGroups, sampleManyGroupsCount, samplePeople } from '../../dev/identity/sampleDirectory.ts';
import { entityPartition } from '../../shared/storage/entityStore.ts';
import { editRow, readPerson, readRows, type Row } from '../support/e2eRows.ts';
import { type E2eStack, QUEUES_OFF, startE2eStack, TIMERS_OFF } from '../support/e2eStack.ts';
import { signInUntilDone, Visitor } from '../support/e2eVisitor.ts';

const { production } = sampleGroups;

let stack: E2eStack;

beforeAll(async () => {
  stack = await startE2eStack();
});
afterAll(async () => stack?.close());
beforeEach(async () => stack.control.clearFaults());

const rowsOf = async (table: Parameters<typeof readRows>[1], id: string): Promise<readonly Row[]> =>
  readRows(stack.storageConnectionString, table, (row) => Object.values(row).includes(id));
const personOf = async (userId: string): ReturnType<typeof readPerson> =>
  readPerson(stack.storageConnectionString, userId);
const signIn = async (login: string): ReturnType<typeof signInUntilDone> => signInUntilDone(stack.url, login);

/** A new person in the directory, in these groups. */
async function createPerson(login: string, groups: readonly string[] = []): Promise<string> {
  const id = randomUUID();
  const person = { id, displayName: login, userPrincipalName: `${login}@company.com`, assigned: true };
  await stack.control.editDirectory(
    { edit: 'createPerson', person },
    ...groups.map((group) => ({ edit: 'addToGroup' as const, person: id, group })),
  );
  return id;
}

/** A new assigned group. */
async function createGroup(displayName: string): Promise<string> {
  const id = randomUUID();
  await stack.control.editDirectory({
    edit: 'createGroup',
    group: { id, displayName, assigned: true, memberIds: [] },
  });
  return id;
}

describe("the product's own example", () => {
  it('makes an organization with the budget, a team that follows it, and memberships of both people', async () => {
    await signIn('alice@company.com');
    await signIn('bob@company.com');

    const [organization] = await rowsOf('organizations', production);
    expect(organization).toMatchObject({
      organization_id: production,
      organization_alias: 'Production Team',
      models: JSON.stringify(['gpt-4', 'gpt-3.5-turbo']),
      max_budget: 1000,
      budget_duration: '30d',
      spend: 0,
    });
    const [team] = await rowsOf('teams', production);
    expect(team).toMatchObject({
      team_id: production,
      team_alias: 'Production Team',
      organization_id: production,
      models: JSON.stringify(['all-org-models']),
    });
    // Its own budget and limits stay absent: it inherits.
    expect(Object.keys(team ?? {})).not.toContain('max_budget');
    expect(Object.keys(team ?? {})).not.toContain('budget_duration');

    for (const userId of [samplePeople.alice, samplePeople.bob]) {
      const found = await personOf(userId);
      expect(found).toMatchObject({ teams: [production], organizations: [production] });
      expect(found.user).toMatchObject({ user_id: userId, sso_user_id: userId, tenant_id: stack.tenantId });
    }
    expect((await personOf(samplePeople.alice)).user).toMatchObject({
      user_email: 'alice@company.com',
      display_name: 'Alice Anderson',
      user_role: 'internal_user_viewer',
    });
  });

  it('marks both memberships as granted by Entra and keeps the members of each side', async () => {
    const memberships = [
      ...(await rowsOf('organizationMemberships', samplePeople.bob)),
      ...(await rowsOf('teamMemberships', samplePeople.bob)),
    ].map(({ grant_source, user_role, role }) => ({ grant_source, user_role, role }));
    expect(memberships).toEqual([
      { grant_source: 'entra', user_role: 'internal_user', role: undefined },
      { grant_source: 'entra', user_role: undefined, role: 'user' },
    ]);
    for (const table of ['teamMembers', 'organizationMembers'] as const) {
      const members = (await rowsOf(table, production)).map((row) => row['user_id']);
      expect(members).toEqual(expect.arrayContaining([samplePeople.alice, samplePeople.bob]));
    }
  });

  it('shows Alice what she has and why, and nothing of the group that is not assigned', async () => {
    const { me } = await signIn('alice@company.com');
    expect(me.organizations).toEqual([
      expect.objectContaining({ organization_id: production, user_role: 'internal_user', max_budget: 1000 }),
    ]);
    expect(me.teams).toEqual([
      expect.objectContaining({
        team_id: production,
        organization_id: production,
        effective_models: { all_models: false, models: ['gpt-4', 'gpt-3.5-turbo'], reason: 'inherited' },
        effective_max_budget: {
          value: 1000,
          budget_duration: '30d',
          reason: 'inherited',
          shared_by: 'organization',
        },
      }),
    ]);
    expect(await rowsOf('teams', sampleGroups.notAssigned)).toEqual([]);
  });

  it.each([[['Engineering']], [['Production Team']], [[production, 'Engineering']]])(
    'takes no names for ids: with the claim %j the groups are asked of Graph, and nothing is lost',
    async (groups) => {
      await signIn('bob@company.com');
      await stack.control.setFaults({ claimsOverride: { groups } });
      await stack.control.clearRequests();
      await signIn('bob@company.com');
      const { requests } = await stack.control.readRequests();
      expect(requests.filter(({ path }) => path.includes('/me/memberOf'))).toHaveLength(1);
      expect(await personOf(samplePeople.bob)).toMatchObject({
        teams: [production],
        organizations: [production],
      });
    },
  );

  it('creates organization and team for a group without members', async () => {
    expect(await rowsOf('organizations', sampleGroups.empty)).toHaveLength(1);
    expect(await rowsOf('teams', sampleGroups.empty)).toHaveLength(1);
    const later = await createGroup('Assigned later');
    expect(await stack.runAssignedGroups()).toContain('"decision":"accepted"');
    expect(await rowsOf('organizations', later)).toMatchObject([{ organization_alias: 'Assigned later' }]);
    expect(await rowsOf('teams', later)).toMatchObject([{ organization_id: later }]);
  });

  it('provisions a group that was assigned a moment ago without waiting for the timer', async () => {
    const group = await createGroup('Assigned just now');
    const userId = await createPerson('early', [group]);
    const { me } = await signIn('early@company.com');
    expect(me.teams).toEqual([expect.objectContaining({ team_id: group, team_alias: 'Assigned just now' })]);
    expect(await personOf(userId)).toMatchObject({ teams: [group], organizations: [group] });
  });
});

describe('who signs in', () => {
  it('gets the role that the app role names', async () => {
    const { me } = await signIn('peter@company.com');
    expect(me.user.user_role).toBe('proxy_admin');
    // A directory role and an administrative unit are in memberOf too, and are no groups.
    expect([me.teams, me.organizations, me.provisioning.reported]).toEqual([[], [], []]);
    expect((await personOf(samplePeople.proxyAdmin)).user).toMatchObject({ user_role: 'proxy_admin' });
  });

  it('administers the organization with the app role org_admin', async () => {
    const { me } = await signIn('olivia@company.com');
    expect(me.organizations).toEqual([
      expect.objectContaining({ organization_id: production, user_role: 'org_admin' }),
    ]);
    expect(me.teams).toEqual([expect.objectContaining({ team_id: production, role: 'user' })]);
  });

  it('keeps a guest by the object id and a real address, never by the UPN of a guest', async () => {
    await signIn('grace@partner.example');
    const userPrincipalName = 'gil_partner.example#EXT#@company.onmicrosoft.com';
    const id = randomUUID();
    const person = { id, displayName: 'Gil', userPrincipalName, assigned: true };
    await stack.control.editDirectory({ edit: 'createPerson', person });
    await signIn(userPrincipalName);

    const grace = (await personOf(samplePeople.guest)).user;
    expect(grace).toMatchObject({ user_id: samplePeople.guest, user_email: 'grace@partner.example' });
    const gil = (await personOf(id)).user;
    expect(gil).toMatchObject({ user_id: id, display_name: 'Gil' });
    expect(gil?.['user_email'] ?? '').toBe('');
  });

  it('uses the UPN of a person without mail as the address', async () => {
    await signIn('nora@company.com');
    expect((await personOf(samplePeople.noGroups)).user).toMatchObject({ user_email: 'nora@company.com' });
  });

  it('is in 250 groups: too many for the token, so Graph is read once, whole', async () => {
    await stack.control.clearRequests();
    const { me } = await signIn('mary@company.com');
    const { requests } = await stack.control.readRequests();
    const delegated = requests.filter((request) => request.tokenKind === 'delegated');
    expect(delegated.map(({ path }) => path)).toEqual([expect.stringContaining('/me/memberOf')]);
    expect([me.teams.length, me.organizations.length]).toEqual([
      sampleManyGroupsCount,
      sampleManyGroupsCount,
    ]);
    const mary = await personOf(samplePeople.manyGroups);
    expect(new Set(mary.teams).size).toBe(sampleManyGroupsCount);
    expect(mary.organizations).toEqual(mary.teams);
  });

  it('is done with nothing, after exactly one message, where no group is left', async () => {
    const { me } = await signIn('nora@company.com');
    expect(me).toMatchObject({
      teams: [],
      organizations: [],
      provisioning: { status: 'done', reported: [] },
    });
    const visitor = new Visitor(stack.url);
    stack.storage.forget();
    await visitor.signIn('nora@company.com');
    await visitor.waitFor('done');
    expect(stack.storage.puts()).toEqual(['provision']);
  });

  it('gets through one more step that Microsoft asks for, as one sign-in', async () => {
    await stack.control.setFaults({ conditionalAccess: true });
    const visitor = new Visitor(stack.url);
    stack.storage.forget();
    const asked = await visitor.signIn('bob@company.com', { return_to: '/?after=step' });
    expect([asked.status, new URL(asked.location).origin]).toEqual([302, stack.browserUrl]);
    expect(new URL(asked.location).searchParams.get('claims')).toContain('access_token');
    expect(visitor.session).toBeUndefined();
    const done = await visitor.request(
      await visitor.goToMicrosoft(asked.location, { login: 'bob@company.com' }),
    );
    expect(done).toMatchObject({ status: 302, location: '/?after=step' });
    expect(visitor.session).toBeDefined();
    expect(stack.storage.puts()).toEqual(['provision']);
  });
});

describe('a change', () => {
  it('in Entra, out of a group, removes what the group granted and nothing else', async () => {
    const other = await createGroup('Stays');
    await stack.runAssignedGroups();
    const userId = await createPerson('leaver', [production, other]);
    await signIn('leaver@company.com');
    expect(new Set((await personOf(userId)).teams)).toEqual(new Set([production, other]));

    await stack.control.removeFromGroup(userId, production);
    const visitor = new Visitor(stack.url);
    await visitor.signIn('leaver@company.com');
    // The removal waits until the list was read after the sign-in. If another test had it read less than a minute ago, the timer reads
    // it, and the message comes back after 15 s.
    await stack.runAssignedGroups();
    const me = await visitor.waitFor('done', 30_000);
    expect(me.teams.map((team) => team.team_id)).toEqual([other]);
    expect(await personOf(userId)).toMatchObject({ teams: [other], organizations: [other] });
    for (const table of ['teamMembers', 'organizationMembers'] as const) {
      const members = (await rowsOf(table, production)).map((row) => row['user_id']);
      expect(members).not.toContain(userId);
      expect(members).toContain(samplePeople.bob);
    }
  });

  it('by hand stays, whatever comes after it: budget, models, role, a membership', async () => {
    const group = await createGroup('Edited by hand');
    await stack.runAssignedGroups();
    const userId = await createPerson('edited', [group]);
    await signIn('edited@company.com');
    const key = { partitionKey: entityPartition(group), rowKey: group };
    const edit = async (table: Parameters<typeof readRows>[1], row: Parameters<typeof editRow>[2]) =>
      editRow(stack.storageConnectionString, table, row);
    await edit('organizations', { ...key, max_budget: 2500, models: '["gpt-4"]' });
    await edit('teams', { ...key, team_alias: 'Renamed' });
    await edit('users', { partitionKey: userId, rowKey: 'user', user_role: 'internal_user' });
    await edit('teamMemberships', { partitionKey: userId, rowKey: group, grant_source: 'manual' });

    // A new person, the timer, and the same person out of this group and in another: a run that really writes.
    await createPerson('newcomer', [group]);
    await signIn('newcomer@company.com');
    await stack.runAssignedGroups();
    await stack.control.editDirectory(
      { edit: 'removeFromGroup', person: userId, group },
      { edit: 'addToGroup', person: userId, group: production },
    );
    const visitor = new Visitor(stack.url);
    await visitor.signIn('edited@company.com');
    // As above: the removal waits until the list was read after the sign-in.
    await stack.runAssignedGroups();
    const me = await visitor.waitFor('done', 30_000);

    expect(await rowsOf('organizations', group)).toMatchObject([{ max_budget: 2500, models: '["gpt-4"]' }]);
    expect(await rowsOf('teams', group)).toMatchObject([{ team_alias: 'Renamed' }]);
    expect(me.user.user_role).toBe('internal_user');
    const person = await personOf(userId);
    expect(new Set(person.teams)).toEqual(new Set([group, production]));
    expect(person.organizations).toEqual([production]);
    expect(me.teams.find((team) => team.team_id === group)).toMatchObject({
      effective_max_budget: { value: 2500, reason: 'inherited' },
      effective_models: { models: ['gpt-4'] },
    });
  });

  it('in Entra wins at once over an older one, whether Entra or Graph reported it', async () => {
    const userId = await createPerson('backandforth', [production]);
    await signIn('backandforth@company.com');
    // Within one second, several times: `Date` counts whole seconds, and Entra dates iat back by five minutes.
    for (let round = 0; round < 4; round += 1) {
      await stack.control.removeFromGroup(userId, production);
      const without = await signIn('backandforth@company.com');
      expect([without.me.teams, (await personOf(userId)).teams]).toEqual([[], []]);
      await stack.control.addToGroup(userId, production);
      const again = await signIn('backandforth@company.com');
      expect(again.me.teams).toEqual([expect.objectContaining({ team_id: production })]);
      expect(await personOf(userId)).toMatchObject({ teams: [production], organizations: [production] });
    }
  });
});

describe('the way to Microsoft and back', () => {
  it('works in two tabs at once, whichever comes back first', async () => {
    const visitor = new Visitor(stack.url);
    const first = await visitor.startLogin({ login_hint: 'alice@company.com', return_to: '/?tab=1' });
    const second = await visitor.startLogin({ login_hint: 'alice@company.com', return_to: '/?tab=2' });
    const [firstBack, secondBack] = [await visitor.goToMicrosoft(first), await visitor.goToMicrosoft(second)];
    expect(await visitor.request(secondBack)).toMatchObject({ status: 302, location: '/?tab=2' });
    expect(await visitor.request(firstBack)).toMatchObject({ status: 302, location: '/?tab=1' });
    expect((await visitor.waitFor('done')).user.user_id).toBe(samplePeople.alice);
  });

  it.each([
    ['/', '/'],
    ['/?view=teams#one', '/?view=teams#one'],
    ['https://evil.example/', '/'],
    ['//evil.example/', '/'],
    [String.raw`/\evil.example`, '/'],
    ['/.//evil.example', '/'],
    ['javascript:alert(1)', '/'],
  ])('goes back to %s as %s', async (returnTo, expected) => {
    const answer = await new Visitor(stack.url).signIn('bob@company.com', { return_to: returnTo });
    expect(answer).toMatchObject({ status: 302, location: expected });
  });

  it('passes login_hint on and asks for nothing that a person cannot consent to', async () => {
    const url = new URL(await new Visitor(stack.url).startLogin({ login_hint: 'bob@company.com' }));
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      login_hint: 'bob@company.com',
      client_id: stack.clientId,
      redirect_uri: `${stack.url}/sso/callback`,
      response_type: 'code',
      code_challenge_method: 'S256',
    });
    expect(url.searchParams.get('scope')?.split(' ').sort()).toEqual(
      ['User.Read', 'email', 'offline_access', 'openid', 'profile'].sort(),
    );
  });

  it('lets another person sign in with the same browser', async () => {
    const { visitor } = await signIn('alice@company.com');
    await visitor.signIn('bob@company.com', { prompt: 'select_account' }, { login: 'bob@company.com' });
    expect((await visitor.me()).user.user_id).toBe(samplePeople.bob);
  });
});

describe('what a sign-in asks of others', () => {
  const kindsSince = async (): Promise<Readonly<Record<string, number>>> => {
    const { counts } = await stack.control.readRequests();
    return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
  };

  const withoutKey = (request: string): string => request.replace(/\(.*/, '');

  /** Only the callback: what comes before it is the browser's work. */
  async function countCallback(visitor: Visitor, login: string): Promise<void> {
    const back = await visitor.goToMicrosoft(await visitor.startLogin({ login_hint: login }));
    await stack.control.clearRequests();
    stack.storage.forget();
    expect((await visitor.request(back)).status).toBe(302);
  }

  beforeAll(async () => {
    await signIn('bob@company.com');
    await stack.restartHost({ ...QUEUES_OFF, ...TIMERS_OFF });
  });
  afterAll(async () => stack.restartHost());

  it('cold: the key ring to start, one token, the signing keys and one message to finish', async () => {
    const visitor = new Visitor(stack.url);
    stack.storage.forget();
    await stack.control.clearRequests();
    const authorizeUrl = await visitor.startLogin({ login_hint: 'bob@company.com' });
    expect(stack.storage.tables()).toEqual(['GET SessionKeys()']);
    expect(await kindsSince()).toEqual({});

    const back = await visitor.goToMicrosoft(authorizeUrl);
    await stack.control.clearRequests();
    stack.storage.forget();
    await visitor.request(back);
    expect(await kindsSince()).toEqual({ token: 1, jwks: 1 });
    // The accepted list is read only because the sample's group id is no GUID.
    expect(stack.storage.tables().map(withoutKey).toSorted()).toEqual([
      'GET EntraAssignedGroups',
      'GET LiteLLMUserTable',
    ]);
    expect(stack.storage.puts()).toEqual(['provision']);
  });

  it('warm: one token, one message and one look whether the account is closed, nothing of Graph', async () => {
    await countCallback(new Visitor(stack.url), 'bob@company.com');
    expect(await kindsSince()).toEqual({ token: 1 });
    expect(stack.storage.tables().map(withoutKey)).toEqual(['GET LiteLLMUserTable']);
    expect(stack.storage.puts()).toEqual(['provision']);
  });

  it('warm, without a usable claim: Graph once more', async () => {
    await countCallback(new Visitor(stack.url), 'nora@company.com');
    expect(await kindsSince()).toEqual({ token: 1, graph: 1 });
    expect(stack.storage.tables().map(withoutKey)).toEqual(['GET LiteLLMUserTable']);
    expect(stack.storage.puts()).toEqual(['provision']);
  });

  it('unchanged, the worker: one read and one write, and the accepted list when cold', async () => {
    await stack.restartHost(TIMERS_OFF);
    const visitor = new Visitor(stack.url);
    await visitor.signIn('bob@company.com');
    await visitor.waitFor('done');
    const worker = async (): Promise<readonly string[]> => {
      const back = await visitor.goToMicrosoft(await visitor.startLogin({ login_hint: 'mary@company.com' }));
      const from = stack.host.logs().length;
      stack.storage.forget();
      await stack.control.clearRequests();
      await visitor.request(back);
      await expect
        .poll(() => stack.host.logs().slice(from).join('\n'), { timeout: 10_000, interval: 20 })
        .toContain('"event":"provision.user"');
      return stack.storage.tables();
    };
    await worker();
    const user = `LiteLLMUserTable(PartitionKey='${samplePeople.manyGroups}',RowKey='user')`;
    // The first read is the sign-in's.
    expect(await worker()).toEqual([`GET ${user}`, `GET ${user}`, `PATCH ${user}`]);
    expect(await kindsSince()).toEqual({ token: 1, graph: 1 });
  });
});

describe('with the flag off', () => {
  beforeAll(async () => stack.restartHost({ ENTRA_GROUPS_ALSO_CREATE_ORGS: 'false' }));
  afterAll(async () => stack.restartHost());

  // First, while the list in force is still the one that was made with organizations.
  it('a new person joins the team of an organization, not the organization', async () => {
    const userId = await createPerson('teamonly', [production]);
    await signIn('teamonly@company.com');
    expect(await personOf(userId)).toMatchObject({ teams: [production], organizations: [] });
  });

  it('a new group is a standalone team with its own budget, and no organization anywhere', async () => {
    const group = await createGroup('Without organizations');
    await stack.runAssignedGroups();
    const userId = await createPerson('standalone', [group]);
    const { me } = await signIn('standalone@company.com');

    expect(me.organizations).toEqual([]);
    expect(me.teams).toEqual([
      expect.objectContaining({
        team_id: group,
        effective_max_budget: { value: 1000, budget_duration: '30d', reason: 'own', shared_by: 'team' },
      }),
    ]);
    expect(await personOf(userId)).toMatchObject({ teams: [group], organizations: [] });
    expect(await rowsOf('organizations', group)).toEqual([]);
    const [team] = await rowsOf('teams', group);
    expect(team).toMatchObject({
      max_budget: 1000,
      budget_duration: '30d',
      models: JSON.stringify(['gpt-4', 'gpt-3.5-turbo']),
    });
    expect(team?.['organization_id'] ?? '').toBe('');
  });
});
