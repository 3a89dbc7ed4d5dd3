/** The client against the emulator, in an older and a newer version: what it sends, how often, and how it understands the answers. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type LitellmEmulator, startLitellmEmulator } from '../../../dev/litellm/emulator.ts';
import { createEmptyData } from '../../../dev/litellm/proxyData.ts';
import { REQUESTS } from '../../../shared/litellm/client/requests.ts';
import { outgoingFetch } from '../../../shared/platform/outgoingFetch.ts';
import {
  createLitellmClient,
  type LitellmClientOptions,
} from '../../../shared/litellm/client/litellmClient.ts';
import { Secret } from '../../../shared/model/secret.ts';
import type { OrganizationValues, TeamValues, UserValues } from '../../../shared/model/litellmValues.ts';
import type { LitellmClient } from '../../../shared/model/litellmPorts.ts';
import { createTestClock, type TestClock } from '../../support/signInDoubles.ts';

const GROUP = '0b8f1f0e-6f5e-4c59-9a36-0a7d54d6f0a1';
const TEAM = '7c9e6679-7425-40de-944b-e07fc1f90ae7';
const ALICE = '550e8400-e29b-41d4-a716-446655440000';
const BOB = '6ba7b810-9dad-11d1-80b4-00c04fd430c8';
/** The time-out for requests without an answer. All others get more time, since the machine may be busy. */
const SHORT_MS = 500;
/** The master key's user. LiteLLM makes it admin of every team. */
const MASTER = { userId: 'default_user_id', role: 'admin' };

const organizationValues: OrganizationValues = {
  organization_alias: 'Zoë & Co / R+D',
  models: ['gpt-4', 'gpt-3.5-turbo'],
  max_budget: 1000.5,
  budget_duration: '30d',
  tpm_limit: 10_000,
  rpm_limit: 0,
};
const teamValues: TeamValues = {
  team_alias: 'Production',
  models: ['gpt-4'],
  max_budget: 10,
  budget_duration: '7d',
  tpm_limit: 5,
  rpm_limit: 6,
};
const userValues: UserValues = {
  user_email: 'alice@example.com',
  user_alias: 'Alice',
  user_role: 'internal_user',
  models: ['gpt-4'],
  max_budget: 5,
  budget_duration: '1d',
};

const fetch = outgoingFetch;

/** LiteLLM ignores fields that it does not know, so it must know all that we send. And `REQUESTS` must contain all of it. */
function requireCleanRecord(emulator: LitellmEmulator): void {
  expect(emulator.requests.warnings).toEqual([]);
  expect(emulator.requests.destructive).toEqual([]);
  expect(emulator.state.keys).toEqual([]);
  for (const { method, path, body } of emulator.requests.writes) {
    // A fault answered before the body was read.
    if (body === undefined) continue;
    const kind = Object.values(REQUESTS).find((one) => one.method === method && one.path === path);
    expect(kind?.schema.safeParse(body)).toMatchObject({ success: true, data: body });
  }
}

async function readAll<Page>(pages: AsyncIterable<Page>): Promise<readonly Page[]> {
  const all: Page[] = [];
  for await (const page of pages) all.push(page);
  return all;
}

describe.each(['1.80.0', '1.101.6'] as const)('a LiteLLM proxy of version %s', (version) => {
  let emulator: LitellmEmulator;
  let clock: TestClock;
  let litellm: LitellmClient;
  let slept: number[];

  beforeAll(async () => {
    emulator = await startLitellmEmulator({ version });
  });
  afterAll(async () => emulator.stop());
  beforeEach(() => {
    emulator.faults.clear();
    emulator.settings.reset();
    emulator.state.replace(createEmptyData());
    emulator.requests.clear();
    clock = createTestClock();
    slept = [];
    litellm = createClient();
  });
  afterEach(() => requireCleanRecord(emulator));

  const createClient = (parts: Partial<LitellmClientOptions> = {}): LitellmClient =>
    createLitellmClient({
      baseUrl: emulator.url,
      apiKey: new Secret(emulator.masterKey),
      fetch,
      clock,
      sleep: async (durationMs) => void slept.push(durationMs),
      timeoutMs: 10_000,
      ...parts,
    });
  /** Returns the requests since the last call, such as `GET /team/info 200`. */
  const asked = (): readonly string[] => {
    const calls = emulator.requests.all.map(({ method, path, status }) => `${method} ${path} ${status}`);
    emulator.requests.clear();
    return calls;
  };
  const createAll = async (): Promise<void> => {
    await litellm.createOrganization(GROUP, organizationValues);
    await litellm.createTeam(TEAM, { ...teamValues, organization_id: GROUP });
    await litellm.createUser(ALICE, userValues);
    await litellm.createUser(BOB, { user_role: 'internal_user', models: [] });
    asked();
  };

  describe('an entity', () => {
    it('does not exist at first, which one request shows', async () => {
      expect(await litellm.findOrganization(GROUP)).toBeUndefined();
      expect(await litellm.findTeam(TEAM)).toBeUndefined();
      expect(await litellm.findUser(ALICE)).toBeUndefined();
      expect(asked()).toEqual(['GET /organization/info 404', 'GET /team/info 404', 'GET /user/list 200']);
    });

    it('is read as it was written: an organization, with its members and teams', async () => {
      const created = await litellm.createOrganization(GROUP, organizationValues);
      expect(created).toEqual({ ensured: 'done', values: organizationValues });
      expect(asked()).toEqual(['POST /organization/new 200']);
      await litellm.createTeam(TEAM, { ...teamValues, organization_id: GROUP });
      await litellm.createUser(ALICE, userValues);
      await litellm.addOrganizationMember(GROUP, ALICE, 'org_admin');
      const team = {
        teamId: TEAM,
        values: { ...teamValues, organization_id: GROUP },
        members: [MASTER],
        blocked: false,
      };
      asked();
      const organization = {
        organizationId: GROUP,
        values: organizationValues,
        members: [{ userId: ALICE, role: 'org_admin' }],
        teams: new Map([[TEAM, team]]),
      };
      expect(await litellm.findOrganization(GROUP)).toEqual(organization);
      expect(await litellm.readOrganizations()).toEqual([organization]);
      expect(await litellm.findTeam(TEAM)).toEqual(team);
      expect(asked()).toEqual([
        'GET /organization/info 200',
        'GET /organization/list 200',
        'GET /team/info 200',
      ]);
    });

    it('has no limits if none were written', async () => {
      await litellm.createOrganization(GROUP, { organization_alias: 'O', models: [] });
      await litellm.createTeam(TEAM, { team_alias: 'T', models: [] });
      await litellm.createUser(ALICE, { user_role: 'internal_user_viewer', models: [] });
      expect(await litellm.findOrganization(GROUP)).toMatchObject({
        values: { organization_alias: 'O', models: [] },
      });
      expect((await litellm.findTeam(TEAM))?.values).toStrictEqual({ team_alias: 'T', models: [] });
      expect((await litellm.findUser(ALICE))?.values).toStrictEqual({
        user_role: 'internal_user_viewer',
        models: [],
      });
    });

    it('that is a user has the id as SSO id, is in no team and has no key', async () => {
      emulator.settings.change({ defaultInternalUserParams: { teams: [TEAM] } });
      await litellm.createTeam(TEAM, teamValues);
      asked();
      expect(await litellm.createUser(ALICE, userValues)).toEqual({ ensured: 'done', values: userValues });
      expect(asked()).toEqual(['POST /user/new 200']);
      expect(await litellm.findUser(ALICE)).toEqual({
        userId: ALICE,
        values: userValues,
        role: userValues.user_role,
        metadata: {},
        teams: [],
      });
      expect(emulator.state.findUser(ALICE)).toMatchObject({ sso_user_id: ALICE, teams: [] });
    });

    it('is read without a role that is not one of ours', async () => {
      emulator.state.createUser({ userId: ALICE, role: 'customer' });
      expect((await litellm.findUser(ALICE))?.values).toStrictEqual({ models: [] });
    });

    it.each(['a&b=c', 'x#y?z', '../team', 'ä ö', '100%25'])('is found with any id: %s', async (id) => {
      emulator.state.createOrganization({ organizationId: id });
      emulator.state.createTeam({ teamId: id });
      emulator.state.createUser({ userId: id });
      expect(await litellm.findOrganization(id)).toMatchObject({ organizationId: id });
      expect(await litellm.findTeam(id)).toMatchObject({ teamId: id });
      expect(await litellm.findUser(id)).toMatchObject({ userId: id });
    });

    it('is not confused with any of many users whose ids contain its id', async () => {
      for (let index = 0; index < 150; index += 1) emulator.state.createUser({ userId: `ann-${index}` });
      expect(await litellm.findUser('ann')).toBeUndefined();
      expect(await litellm.findUser('ann-1')).toMatchObject({ userId: 'ann-1' });
      expect(asked()).toHaveLength(2);
    });
  });

  describe('lists', () => {
    it('return 100 users in one request, leave out unknown users, and send nothing for no ids', async () => {
      const ids = Array.from({ length: 100 }, (_, index) => `user-${index}`);
      for (const userId of ids.slice(1)) emulator.state.createUser({ userId });
      emulator.state.createUser({ userId: 'user-999' });
      expect([...(await litellm.findUsers(ids)).keys()].toSorted()).toEqual(ids.slice(1).toSorted());
      expect(asked()).toEqual(['GET /user/list 200']);
      expect(await litellm.findUsers([])).toEqual(new Map());
      expect(asked()).toEqual([]);
    });

    it('return more users than one page has, page by page', async () => {
      const ids = Array.from({ length: 130 }, (_, index) => `user-${index}`);
      for (const userId of ids) emulator.state.createUser({ userId });
      expect((await litellm.findUsers(ids)).size).toBe(130);
      expect(asked()).toHaveLength(2);
    });

    it('return every team once with its members, 100 on a page', async () => {
      emulator.state.createUser({ userId: ALICE });
      for (let index = 0; index < 250; index += 1) {
        emulator.state.createTeam({ teamId: `team-${index}` });
        emulator.state.addTeamMember({ teamId: `team-${index}`, userId: ALICE });
      }
      const pages = await readAll(litellm.readTeamPages());
      expect(pages.map((page) => page.length)).toEqual([100, 100, 50]);
      expect(new Set(pages.flat().map((team) => team.teamId)).size).toBe(250);
      expect(pages.flat().every((team) => team.members[0]?.userId === ALICE)).toBe(true);
      expect(asked()).toHaveLength(3);
    });

    it('return no page without teams, and throw if a page fails', async () => {
      expect(await readAll(litellm.readTeamPages())).toEqual([]);
      for (let index = 0; index < 101; index += 1) emulator.state.createTeam({ teamId: `team-${index}` });
      emulator.faults.add({ path: '/v2/team/list', skip: 1, status: 500 });
      await expect(readAll(litellm.readTeamPages())).rejects.toMatchObject({
        code: 'litellm_unreachable',
      });
    });
  });

  describe('what exists already', () => {
    it('is not created again: organization (500) and team (400), with one look each', async () => {
      await createAll();
      const already = { ensured: 'already' };
      expect(await litellm.createOrganization(GROUP, organizationValues)).toEqual(already);
      expect(asked()).toEqual(['POST /organization/new 500', 'GET /organization/info 200']);
      expect(await litellm.createTeam(TEAM, teamValues)).toEqual(already);
      expect(asked()).toEqual(['POST /team/new 400', 'GET /team/info 200']);
    });

    it('may be a user that another run has just created', async () => {
      await createAll();
      const again = { ...userValues, user_email: 'Alice@Example.com' };
      expect(await litellm.createUser(ALICE, again)).toEqual({ ensured: 'already' });
      expect(asked()).toEqual([`POST /user/new ${version === '1.80.0' ? 400 : 409}`, 'GET /user/list 200']);
    });

    it('may be the email of another user, which is final', async () => {
      await createAll();
      const carol = { ...userValues, user_email: 'ALICE@example.com' };
      await expect(litellm.createUser('carol', carol)).rejects.toMatchObject({
        code: 'litellm_email_taken',
        retryable: false,
        details: { status: version === '1.80.0' ? 400 : 409 },
      });
      expect(asked()).toHaveLength(2);
    });

    it('may be a member: of an organization, after a look (500); of a team, without one (400)', async () => {
      await createAll();
      expect(await litellm.addOrganizationMember(GROUP, ALICE, 'internal_user')).toBe('done');
      expect(await litellm.addTeamMember(TEAM, ALICE, 'user')).toBe('done');
      expect(asked()).toEqual(['POST /organization/member_add 200', 'POST /team/member_add 200']);
      // A 500 does not say whose write it was.
      expect(await litellm.addOrganizationMember(GROUP, ALICE, 'internal_user')).toBe('done');
      expect(await litellm.addTeamMember(TEAM, ALICE, 'user')).toBe('already');
      expect(asked()).toEqual([
        'POST /organization/member_add 500',
        'GET /organization/info 200',
        'POST /team/member_add 400',
      ]);
    });

    it('is not a member with another role, which needs a new plan', async () => {
      await createAll();
      emulator.state.addOrganizationMember({ organizationId: GROUP, userId: ALICE, role: 'org_admin' });
      await expect(litellm.addOrganizationMember(GROUP, ALICE, 'internal_user')).rejects.toMatchObject({
        code: 'litellm_unreachable',
        retryable: true,
      });
    });
  });

  describe('what does not exist', () => {
    it('needs no removal: a member of an organization (200 null), of a team (400)', async () => {
      await createAll();
      await litellm.addOrganizationMember(GROUP, ALICE, 'internal_user');
      await litellm.addTeamMember(TEAM, ALICE, 'user');
      asked();
      const remove = [
        async () => litellm.removeOrganizationMember(GROUP, ALICE),
        async () => litellm.removeTeamMember(TEAM, ALICE),
      ];
      for (const call of remove) expect(await call()).toBe('done');
      for (const call of remove) expect(await call()).toBe('already');
      expect(asked()).toEqual([
        'DELETE /organization/member_delete 200',
        'POST /team/member_delete 200',
        'DELETE /organization/member_delete 200',
        'POST /team/member_delete 400',
      ]);
      expect(emulator.state.findUser(ALICE)).toBeDefined();
      expect((await litellm.findTeam(TEAM))?.members).toEqual([MASTER]);
    });

    it('has no members: nothing is removed from a deleted team, and LiteLLM refuses to add to it', async () => {
      await createAll();
      emulator.state.deleteTeam({ teamId: TEAM });
      expect(await litellm.removeTeamMember(TEAM, ALICE)).toBe('already');
      expect(asked()).toEqual(['POST /team/member_delete 400', 'GET /team/info 404']);
      // 1.80 fails without saying why.
      await expect(litellm.addTeamMember(TEAM, ALICE, 'user')).rejects.toMatchObject(
        version === '1.80.0'
          ? { code: 'litellm_unreachable', details: { status: 500 } }
          : { code: 'litellm_refused', details: { status: 404 } },
      );
      await expect(litellm.addOrganizationMember('gone', ALICE, 'org_admin')).rejects.toMatchObject({
        code: 'litellm_refused',
        details: { status: 404 },
      });
      await expect(litellm.updateTeam(TEAM, { models: [] })).rejects.toMatchObject({
        code: 'litellm_refused',
        details: { status: 404 },
      });
    });

    it('cannot have teams: LiteLLM creates none in an unknown organization', async () => {
      const [code, status] = version === '1.80.0' ? ['litellm_unreachable', 500] : ['litellm_refused', 400];
      await expect(litellm.createTeam(TEAM, { ...teamValues, organization_id: GROUP })).rejects.toMatchObject(
        {
          code,
          details: { status },
        },
      );
      expect(asked()).toEqual([`POST /team/new ${status}`, 'GET /team/info 404']);
    });
  });

  describe('changes', () => {
    it('send only the named fields, in one request each', async () => {
      await createAll();
      await litellm.updateOrganization(GROUP, { max_budget: 7, models: ['gpt-4'] });
      await litellm.updateTeam(TEAM, { team_alias: 'Neu', models: ['gpt-4'] });
      await litellm.updateUser(ALICE, { user_role: 'proxy_admin' });
      expect(emulator.requests.all.map(({ body }) => body)).toEqual([
        { organization_id: GROUP, max_budget: 7, models: ['gpt-4'] },
        { team_id: TEAM, team_alias: 'Neu', models: ['gpt-4'] },
        { user_id: ALICE, user_role: 'proxy_admin' },
      ]);
      expect(asked()).toHaveLength(3);
      const organization = await litellm.findOrganization(GROUP);
      expect(organization?.values).toEqual({ ...organizationValues, max_budget: 7, models: ['gpt-4'] });
      expect((await litellm.findUser(ALICE))?.values).toEqual({ ...userValues, user_role: 'proxy_admin' });
      expect((await litellm.findTeam(TEAM))?.values).toEqual({
        ...teamValues,
        organization_id: GROUP,
        team_alias: 'Neu',
      });
    });

    it('never move a team or write an email, even if asked to', async () => {
      await createAll();
      const team: TeamValues = { ...teamValues, organization_id: 'other' };
      await litellm.updateTeam(TEAM, team);
      await litellm.updateUser(ALICE, { ...userValues, user_email: 'new@example.com' });
      expect(emulator.state.findTeam(TEAM)?.organization_id).toBe(GROUP);
      expect(emulator.state.findUser(ALICE)?.user_email).toBe('alice@example.com');
    });

    it('of a role in an organization are one request', async () => {
      await createAll();
      await litellm.addOrganizationMember(GROUP, ALICE, 'internal_user');
      asked();
      await litellm.changeOrganizationRole(GROUP, ALICE, 'org_admin');
      expect(asked()).toEqual(['PATCH /organization/member_update 200']);
      expect((await litellm.findOrganization(GROUP))?.members).toEqual([
        { userId: ALICE, role: 'org_admin' },
      ]);
      await expect(litellm.changeOrganizationRole(GROUP, BOB, 'org_admin')).rejects.toMatchObject({
        code: 'litellm_refused',
        details: { status: 404 },
      });
    });

    it('of a role in a team look first, and keep the limits that an administrator gave the member', async () => {
      await createAll();
      emulator.settings.change({ licence: true });
      emulator.state.addTeamMember({ teamId: TEAM, userId: ALICE, maxBudget: 25 });
      asked();
      await litellm.changeTeamRole(TEAM, ALICE, 'admin');
      expect(asked()).toEqual(['GET /team/info 200', 'POST /team/member_update 200']);
      expect((await litellm.findTeam(TEAM))?.members).toContainEqual({ userId: ALICE, role: 'admin' });
      const budgetId = emulator.state.teamMemberships.find(({ user_id: id }) => id === ALICE)?.budget_id;
      expect(emulator.state.budgets.find(({ budget_id: id }) => id === budgetId)?.max_budget).toBe(25);
      asked();
      await litellm.changeTeamRole(TEAM, ALICE, 'admin');
      expect(asked()).toEqual(['GET /team/info 200']);
    });

    it('of the role of a user outside the team are not sent', async () => {
      await createAll();
      await expect(litellm.changeTeamRole(TEAM, BOB, 'user')).rejects.toMatchObject({
        code: 'litellm_refused',
      });
      expect(asked()).toEqual(['GET /team/info 200']);
    });

    it('to admin of a team need a licence, which is final', async () => {
      await createAll();
      await litellm.addTeamMember(TEAM, ALICE, 'user');
      const refused = { code: 'litellm_role_needs_licence', retryable: false };
      await expect(litellm.addTeamMember(TEAM, BOB, 'admin')).rejects.toMatchObject(refused);
      await expect(litellm.changeTeamRole(TEAM, ALICE, 'admin')).rejects.toMatchObject(refused);
      emulator.settings.change({ licence: true });
      expect(await litellm.addTeamMember(TEAM, BOB, 'admin')).toBe('done');
    });

    it('that LiteLLM would refuse as malformed are not sent', async () => {
      await createAll();
      await expect(litellm.updateTeam(TEAM, { tpm_limit: 1.5, models: [] })).rejects.toMatchObject({
        code: 'litellm_refused',
        details: { status: 422, fault: 'tpm_limit' },
      });
      expect(asked()).toEqual([]);
    });
  });

  describe('a fault', () => {
    it('of the key is not confused with any other', async () => {
      await expect(litellm.checkRights()).resolves.toEqual({ hasOrganizations: true });
      expect(asked()).toEqual([
        'GET /health/readiness 200',
        'GET /user/list 200',
        'GET /v2/team/list 200',
        'GET /key/list 200',
        'GET /organization/info 404',
      ]);
      const keyless = createClient({ apiKey: new Secret('sk-other') });
      const refused = { code: 'litellm_key_refused', retryable: true, details: { status: 401 } };
      await expect(keyless.checkRights()).rejects.toMatchObject(refused);
      await expect(keyless.createTeam(TEAM, teamValues)).rejects.toMatchObject(refused);
    });

    it('of the base URL does not count as a missing team', async () => {
      const elsewhere = createClient({ baseUrl: `${emulator.url}/nowhere/` });
      await expect(elsewhere.findTeam(TEAM)).rejects.toMatchObject({
        code: 'litellm_answer_invalid',
        retryable: true,
        details: { status: 404 },
      });
      const slashed = createClient({ baseUrl: `${emulator.url}//` });
      expect(await slashed.findTeam(TEAM)).toBeUndefined();
    });

    it('of the database makes the proxy unhealthy', async () => {
      emulator.faults.set({ databaseDown: true });
      await expect(litellm.checkRights()).rejects.toMatchObject({
        code: 'litellm_unreachable',
        details: { status: 503 },
      });
    });

    it.each([
      ['a broken connection', { reset: true }],
      ['a gateway’s 502', { status: 502, body: '<html>' }],
      ['a gateway’s 504', { status: 504, body: '' }],
    ])('in a read is tried once more: %s', async (_, fault) => {
      await createAll();
      emulator.faults.add({ path: '/team/info', times: 1, ...fault });
      expect(await litellm.findTeam(TEAM)).toMatchObject({ teamId: TEAM });
      expect(asked()).toHaveLength(2);
      expect(slept).toHaveLength(1);
      emulator.faults.replace({ calls: [{ path: '/team/info', ...fault }] });
      await expect(litellm.findTeam(TEAM)).rejects.toMatchObject({
        code: 'litellm_unreachable',
        retryable: true,
      });
      expect(asked()).toHaveLength(2);
    });

    it.each([
      ['silence', { silent: true }],
      ['429', { silent: false, status: 429, retryAfter: '7' }],
      ['500', { silent: false, status: 500 }],
    ])('in a read is not tried again after %s', async (_, fault) => {
      emulator.faults.add({ path: '/team/info', ...fault });
      const hasty = createClient({ timeoutMs: fault.silent ? SHORT_MS : 10_000 });
      await expect(hasty.findTeam(TEAM)).rejects.toMatchObject({
        code: 'litellm_unreachable',
        retryable: true,
      });
      expect(asked()).toHaveLength(1);
      expect(slept).toEqual([]);
    });

    it('of a lost or late answer says that the write may have been done, and sends it once', async () => {
      await createAll();
      const faults = [
        { silent: false, reset: true, afterApplying: true },
        { silent: true, afterApplying: true },
        { silent: false, status: 502, body: '<html>' },
        { silent: false, status: 200, body: '<html>' },
      ];
      for (const fault of faults) {
        emulator.faults.replace({ calls: [{ path: '/team/member_add', ...fault }] });
        const hasty = createClient({ timeoutMs: fault.silent ? SHORT_MS : 10_000 });
        await expect(hasty.addTeamMember(TEAM, ALICE, 'user')).rejects.toMatchObject({
          retryable: true,
          details: { mayHaveWritten: true },
        });
        expect(asked()).toHaveLength(1);
      }
    });

    it('because of too many requests says how long to wait, and that nothing was written', async () => {
      emulator.faults.add({ path: '/team/new', status: 429, retryAfter: '7' });
      const error: unknown = await litellm.createTeam(TEAM, teamValues).catch((caught: unknown) => caught);
      expect(error).toMatchObject({ code: 'litellm_unreachable', details: { retryAfterSeconds: 7 } });
      expect(error).not.toHaveProperty('details.mayHaveWritten');
    });

    it('halfway through adding a member does not count as success', async () => {
      await createAll();
      emulator.faults.add({ path: '/team/member_add', halfWrite: true, times: 1 });
      await expect(litellm.addTeamMember(TEAM, ALICE, 'user')).rejects.toMatchObject({
        code: 'litellm_unreachable',
      });
      expect(asked()).toEqual(['POST /team/member_add 500', 'GET /team/info 200']);
      expect(await litellm.addTeamMember(TEAM, ALICE, 'user')).toBe('done');
    });

    it('of an exhausted licence is final', async () => {
      emulator.faults.set({ userCap: 0, teamCap: 0 });
      const refused = { code: 'litellm_refused', retryable: false, details: { status: 403 } };
      await expect(litellm.createUser(ALICE, userValues)).rejects.toMatchObject(refused);
      await expect(litellm.createTeam(TEAM, teamValues)).rejects.toMatchObject(refused);
      expect(asked()).toHaveLength(2);
    });

    it('with a 400 of another kind does not mean a taken email', async () => {
      emulator.faults.add({ path: '/user/new', status: 400 });
      await expect(litellm.createUser(ALICE, userValues)).rejects.toMatchObject({
        code: 'litellm_refused',
        details: { status: 400 },
      });
    });
  });

  it('names this product to the audit log, in every request where LiteLLM reads that', async () => {
    await createAll();
    await litellm.createTeam('t2', teamValues);
    await litellm.updateTeam('t2', { models: [] });
    expect(emulator.requests.all.map(({ changedBy }) => changedBy)).toEqual([
      'litellm-entra-provisioning',
      'litellm-entra-provisioning',
    ]);
  });
});

describe('what destroys keys in LiteLLM', () => {
  const shared = join(import.meta.dirname, '../../../shared');
  const sources = readdirSync(shared, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => ({ name, text: readFileSync(join(shared, name), 'utf8') }));

  it('is in the product only as the deletion of one key by its hash', () => {
    expect(sources.length).toBeGreaterThan(100);
    const destructive = /(?:team|organization|user|bulk)[/_]delete/;
    expect(sources.filter(({ text }) => destructive.test(text)).map(({ name }) => name)).toEqual([]);
    const ofKeys = sources.filter(({ text }) => /key\/delete|deleteKey/.test(text)).map(({ name }) => name);
    expect(ofKeys.filter((name) => name.startsWith('litellm/client')).toSorted()).toEqual([
      'litellm/client/keyCalls.ts',
      'litellm/client/requests.ts',
    ]);
  });

  it('cannot be put together from parts: every deletion has its own path in one table, and deletes a membership or a key', () => {
    const client = sources.filter(({ name }) => name.startsWith('litellm/client'));
    const mentions = client.flatMap(({ text }) => text.match(/['"`][^'"`\n]*delete[^'"`\n]*['"`]/gi) ?? []);
    expect(mentions.toSorted()).toEqual([
      "'/key/delete'",
      "'/organization/member_delete'",
      "'/team/member_delete'",
      "'DELETE'",
      "'DELETE'",
      "'deleteKey'",
      "'deleted'",
      "'deleted'",
    ]);
    const deleting = Object.values(REQUESTS).filter(
      ({ method, path }) => method === 'DELETE' || /delete/.test(path),
    );
    expect(deleting.map(({ path }) => path)).toEqual([
      '/organization/member_delete',
      '/team/member_delete',
      '/key/delete',
    ]);
    const callers = client.filter(({ text }) => /\bfetch\(/.test(text)).map(({ name }) => name);
    expect(callers).toEqual(['litellm/client/litellmSender.ts']);
  });
});
