/** A licence for organizations that is missing, comes or goes, and the moves of teams that follow, over real HTTP. */
import { readBudgetShares } from '../../shared/litellm/readBudgetShares.ts';
import { afterEach, describe, expect, it } from 'vitest';
import { createEmulatedWorld, type EmulatedOptions, type EmulatedWorld } from '../support/emulatedLitellm.ts';
import { editRow, organizationRow, teamRow } from '../support/handEdits.ts';
import { lineOf } from '../support/litellmEdits.ts';
import { refused } from '../support/memoryLitellm.ts';
import { ALICE, BOB, message, PRODUCTION_TEAM, sampleRules, START } from '../support/world.ts';

const { id } = PRODUCTION_TEAM;
const HAND = 'hand-added';
const OTHER = { id: 'other-group', displayName: 'Other' };
/** The first version that has no organizations without a licence, of those that are recorded. */
const version = '1.108.0';
const rules = sampleRules({
  defaultTeamParams: {
    models: ['gpt-4o', 'gpt-4o-mini'],
    max_budget: 1000,
    budget_duration: '30d',
    tpm_limit: 70,
    team_member_permissions: [],
  },
});

const started: EmulatedWorld[] = [];
afterEach(async () => {
  for (const { emulator } of started.splice(0)) await emulator.stop();
});

async function start(licence: boolean, options: Partial<EmulatedOptions> = {}): Promise<EmulatedWorld> {
  const world = await createEmulatedWorld({ version, rules, proxy: { licence }, ...options });
  started.push(world);
  await world.refresh();
  await world.drain();
  return world;
}

async function signInBoth(world: EmulatedWorld): Promise<void> {
  await world.signIn(message());
  await world.signIn(message({ userId: BOB }));
}

/** Alice signs in again, without a group. */
function leave({ world }: EmulatedWorld): ReturnType<typeof message> {
  return message({ groups: [], second: Math.floor((world.clock.now().getTime() - START) / 1000) });
}

type TeamRow = ReturnType<EmulatedWorld['emulator']['state']['findTeam']>;

const teamOf = ({ emulator }: EmulatedWorld, teamId: string = id): TeamRow => emulator.state.findTeam(teamId);

const inTeam = (world: EmulatedWorld, teamId: string = id): readonly string[] =>
  (teamOf(world, teamId)?.members_with_roles ?? []).map(({ user_id: userId }) => userId ?? '').sort();

/** The roles of the organization's members. */
function inOrganization({ emulator }: EmulatedWorld): Readonly<Record<string, string>> {
  const roles: Record<string, string> = {};
  for (const { organization_id, user_id, user_role } of emulator.state.read().organizationMemberships) {
    if (organization_id === id) roles[user_id] = user_role ?? '';
  }
  return roles;
}

/** Adds a user by hand to the team, and makes a key of Alice in it. Returns what a call with that key is answered. */
function editByHand({ emulator }: EmulatedWorld): (model: string) => Promise<number> {
  emulator.state.edit(
    { edit: 'createUser', userId: HAND },
    { edit: 'addTeamMember', teamId: id, userId: HAND },
    { edit: 'createKey', key: 'sk-alice', alias: 'alice', userId: ALICE, teamId: id },
  );
  return async (model) => {
    const answer = await fetch(`${emulator.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: 'Bearer sk-alice', 'content-type': 'application/json' },
      body: JSON.stringify({ model, messages: [] }),
    });
    return answer.status;
  };
}

async function expectSettled(world: EmulatedWorld): Promise<void> {
  await world.drain();
  world.takeWrites();
  for (const subject of [
    { kind: 'organization', id },
    { kind: 'team', id },
    { kind: 'user', id: ALICE },
    { kind: 'user', id: BOB },
  ] as const) {
    expect((await world.sync(subject)).status).toBe('done');
  }
  await world.drain();
  expect(world.takeWrites()).toEqual([]);
  expect(
    (await world.compare()).filter(({ action }) => ['add', 'change', 'remove'].includes(action)),
  ).toEqual([]);
}

/** What LiteLLM has, and what the record says of people, in a comparable form. */
async function snapshotOf(world: EmulatedWorld): Promise<unknown> {
  const { team_alias, models, max_budget, tpm_limit, organization_id, blocked } = teamOf(world) ?? {};
  const people = await Promise.all([ALICE, BOB].map(async (userId) => world.deps.record.readPerson(userId)));
  return {
    team: { team_alias, models, max_budget, tpm_limit, organization_id, blocked },
    inTeam: inTeam(world),
    inOrganization: inOrganization(world),
    people: people.map(({ organizations }) =>
      [...organizations.values()].map(({ state, role }) => [state, role]),
    ),
    record: { ...(await world.deps.record.findTeam(id)), since: '' },
  };
}

describe('without a licence', () => {
  it('everything but organizations is synced, and a team carries what its organization would limit', async () => {
    const world = await start(false);
    await editRow(world.world.tables, teamRow(id), {
      max_budget: 100,
      budget_duration: '1d',
      models: '["gpt-4o","x"]',
    });
    const results = [...(await world.signIn(message())), ...(await world.signIn(message({ userId: BOB })))];
    await world.sync({ kind: 'team', id });
    expect(results.map(({ status }) => status)).toEqual(['done', 'done']);
    expect(results.flatMap(({ reported = [] }) => reported)).toEqual([]);
    expect(teamOf(world)).toMatchObject({
      organization_id: null,
      models: ['gpt-4o'],
      max_budget: 1000,
      budget_duration: '30d',
      tpm_limit: 70,
    });
    expect(inTeam(world)).toEqual([ALICE, BOB, 'default_user_id'].sort());
    expect(world.emulator.requests.all.filter(({ path }) => path.startsWith('/organization/')).length).toBe(
      1,
    );
    expect(await world.compare()).toEqual([]);
    await expectSettled(world);
  });

  it('an organization without a model in common lets its team call none', async () => {
    const world = await start(false);
    await signInBoth(world);
    const call = editByHand(world);
    await editRow(world.world.tables, teamRow(id), { models: '["claude-sonnet"]' });
    const { reported } = await world.sync({ kind: 'team', id });
    expect(reported).toEqual([{ kind: 'team', id, code: 'no_models_left' }]);
    expect(teamOf(world)?.models).toEqual(['no-default-models']);
    expect(await call('claude-sonnet')).not.toBe(200);
    await expectSettled(world);
  });

  it.each([
    ['split', [500, 500]],
    ['each', [1000, 1000]],
  ] as const)('teams of one organization share its budget: %s', async (sharedBudget, budgets) => {
    const world = await start(false, { sharedBudget, assigned: [PRODUCTION_TEAM, OTHER] });
    await signInBoth(world);
    world.emulator.state.edit({ edit: 'deleteTeam', teamId: OTHER.id });
    expect(teamOf(world)?.max_budget).toBe(1000);
    await editRow(world.world.tables, teamRow(OTHER.id), { organization_id: id });
    // The new team makes the share of the other one smaller.
    await world.sync({ kind: 'team', id: OTHER.id });
    await world.drain();
    expect([id, OTHER.id].map((teamId) => teamOf(world, teamId)?.max_budget)).toEqual(budgets);
    const shares = await readBudgetShares({ store: world.world.store, sharedBudget });
    const inId = shares.find(({ organization_id: organizationId }) => organizationId === id);
    expect(inId).toEqual({
      organization_id: id,
      max_budget: 1000,
      budget_duration: '30d',
      teams: 2,
      carried: budgets[0] + budgets[1],
      other_durations: 0,
    });
    await expectSettled(world);
  });

  it('a changed organization reaches its teams', async () => {
    const world = await start(false);
    await editRow(world.world.tables, organizationRow(id), { max_budget: 60, models: '["gpt-4o-mini"]' });
    await world.sync({ kind: 'organization', id });
    await world.drain();
    expect(teamOf(world)).toMatchObject({ max_budget: 60, models: ['gpt-4o-mini'] });
  });
});

describe('while it is unclear whether there is a licence', () => {
  it('what needs no organizations goes on, and the rest waits without failing', async () => {
    const world = await start(true);
    await world.signIn(message());
    await world.proxy.check();
    world.emulator.settings.change({ licence: false });
    const { clock } = world.world;
    clock.advance(2 * 60_000);
    // The first call about an organization meets the refusal, notes it, and is put back.
    await editRow(world.world.tables, organizationRow(id), { max_budget: 60 });
    const { deps } = world;
    const first = await world.sync({ kind: 'organization', id });
    expect(first).toMatchObject({ status: 'waiting', reason: 'organizations_unlicensed' });
    expect(Math.abs((world.waiting.at(-1)?.delaySeconds ?? 0) - 650)).toBeLessThanOrEqual(60);
    expect((await deps.proxy.read()).organizations).toBe('unclear');
    world.waiting.length = 0;
    const before = world.emulator.requests.all.length;
    await world.provision(message({ userId: BOB }));
    await world.sync({ kind: 'user', id: BOB });
    expect(inTeam(world)).toContain(BOB);
    const asked = world.emulator.requests.all.slice(before);
    expect(asked.filter(({ path }) => path.startsWith('/organization/'))).toEqual([]);
    expect((await deps.record.readPerson(BOB)).outcome).toMatchObject({
      status: 'waiting',
      reason: 'organizations_unlicensed',
    });
  });
});

describe('a licence that comes', () => {
  it('makes the organizations, moves the teams, and loses neither keys nor people', async () => {
    const world = await start(false);
    await editRow(world.world.tables, teamRow(id), { models: '["all-org-models"]' });
    await signInBoth(world);
    const call = editByHand(world);
    expect(await call('gpt-4o')).toBe(200);
    await world.setLicence(true);
    expect((await world.compare()).map(lineOf)).toEqual(
      expect.arrayContaining([`add organization ${id}`, `change team ${id}`]),
    );
    await world.repair();
    expect(teamOf(world)).toMatchObject({
      organization_id: id,
      models: ['gpt-4o', 'gpt-4o-mini'],
      // Its own values are back: the organization has the limits.
      max_budget: null,
      budget_duration: null,
      tpm_limit: null,
    });
    expect(inOrganization(world)).toEqual({ [ALICE]: 'internal_user', [BOB]: 'internal_user' });
    expect(inTeam(world)).toEqual([ALICE, BOB, 'default_user_id', HAND].sort());
    expect(await call('gpt-4o')).toBe(200);
    const { organizations } = await world.deps.record.readPerson(ALICE);
    expect(organizations.get(id)).toMatchObject({ state: 'added', role: 'internal_user' });
    expect(await world.deps.record.findTeam(id)).not.toHaveProperty('moving');
    await expectSettled(world);
    // What the move made is ours, so leaving ends it.
    await world.signIn(leave(world));
    expect(inOrganization(world)).toEqual({ [BOB]: 'internal_user' });
  });

  it('counts whom the move makes a member as ours, before any sync of a person', async () => {
    const world = await start(false);
    await signInBoth(world);
    await world.setLicence(true);
    await world.sync({ kind: 'team', id });
    expect(inOrganization(world)).toEqual({ [ALICE]: 'internal_user', [BOB]: 'internal_user' });
    await world.signIn(leave(world));
    expect(inOrganization(world)).toEqual({ [BOB]: 'internal_user' });
  });

  it('leaves who was in the organization before', async () => {
    const world = await start(false);
    await signInBoth(world);
    editByHand(world);
    await world.setLicence(true);
    world.emulator.state.edit(
      { edit: 'createOrganization', organizationId: id, models: ['gpt-4o', 'gpt-4o-mini'] },
      { edit: 'addOrganizationMember', organizationId: id, userId: HAND },
    );
    await world.repair();
    expect(teamOf(world)?.organization_id).toBe(id);
    expect(inOrganization(world)).toEqual({
      [ALICE]: 'internal_user',
      [BOB]: 'internal_user',
      [HAND]: 'internal_user',
    });
  });

  it('does not move a team from the sync of a person', async () => {
    const world = await start(false);
    await signInBoth(world);
    await world.setLicence(true);
    world.takeWrites();
    const before = teamOf(world);
    await world.sync({ kind: 'user', id: ALICE });
    expect(teamOf(world)).toEqual(before);
    expect(world.takeWrites()).not.toContain('POST /team/update');
    expect(world.waiting.map(({ text }) => text).join()).toContain('"kind":"team"');
    await world.drain();
    expect(teamOf(world)?.organization_id).toBe(id);
  });

  it('restores a team that LiteLLM does not let be moved', async () => {
    const world = await start(false);
    await signInBoth(world);
    await editRow(world.world.tables, organizationRow(id), { max_budget: 500 });
    await world.setLicence(true);
    const { litellm } = world.deps;
    const before = { ...teamOf(world), updated_at: '' };
    const moveTeam = litellm.moveTeam.bind(litellm);
    litellm.moveTeam = async () => Promise.reject(refused(403));
    const { reported = [] } = await world.sync({ kind: 'team', id });
    expect(reported.map(({ code }) => code)).toEqual(['not_moved']);
    expect({ ...teamOf(world), updated_at: '' }).toEqual({ ...before, max_budget: 500 });
    expect((await world.deps.record.findTeam(id))?.notMoved).toMatchObject({ to: id });
    await expectSettled(world);
    // A person's sync does not ask for it again.
    await world.sync({ kind: 'user', id: ALICE });
    expect(world.waiting.map(({ text }) => text).join()).not.toContain('"kind":"team"');
    litellm.moveTeam = moveTeam;
    // Tried again once something has changed that decides about it.
    await editRow(world.world.tables, organizationRow(id), { max_budget: 800 });
    await world.sync({ kind: 'team', id });
    expect(teamOf(world)?.organization_id).toBe(id);
    await expectSettled(world);
  });

  it("restores an administrator's value too if LiteLLM does not let the team be moved", async () => {
    const world = await start(false);
    await signInBoth(world);
    world.emulator.state.edit({ edit: 'changeBudget', teamId: id, maxBudget: 5_000 });
    await world.setLicence(true);
    world.deps.litellm.moveTeam = async () => Promise.reject(refused(403));
    const { reported = [] } = await world.sync({ kind: 'team', id });
    expect(world.takeWrites().filter((write) => write === 'POST /team/update')).toHaveLength(2);
    expect(reported.map(({ code }) => code)).toEqual(['differs', 'not_moved']);
    expect(teamOf(world)?.max_budget).toBe(5_000);
  });

  it('does not move a team without a common model', async () => {
    const world = await start(false);
    await signInBoth(world);
    await editRow(world.world.tables, teamRow(id), { models: '["claude-sonnet"]' });
    await world.sync({ kind: 'team', id });
    await world.setLicence(true);
    const { reported = [] } = await world.sync({ kind: 'team', id });
    expect(reported.map(({ code }) => code)).toEqual(['no_models_left', 'not_moved']);
    expect(teamOf(world)).toMatchObject({ organization_id: null, models: ['no-default-models'] });
    expect(inOrganization(world)).toEqual({});
  });

  it.each(['before', 'after'] as const)(
    'ends the same after an interruption %s any request',
    async (when) => {
      const prepare = async (): Promise<EmulatedWorld> => {
        const world = await start(false);
        await signInBoth(world);
        editByHand(world);
        await world.setLicence(true);
        world.waiting.length = 0;
        return world;
      };
      const settle = async (world: EmulatedWorld): Promise<void> => {
        await world.sync({ kind: 'team', id });
        await world.drain();
        await world.sync({ kind: 'user', id: ALICE });
        await world.sync({ kind: 'user', id: BOB });
        await world.drain();
      };
      const undisturbed = await prepare();
      let requests = 0;
      undisturbed.faults = (number) => {
        requests = number;
        return undefined;
      };
      const first = requests;
      await undisturbed.sync({ kind: 'team', id });
      undisturbed.faults = () => undefined;
      const count = requests;
      await settle(undisturbed);
      const wanted = await snapshotOf(undisturbed);
      expect(count).toBeGreaterThan(first + 8);
      for (let at = 1; at <= count; at += 1) {
        const world = await prepare();
        let seen = 0;
        world.faults = () => ((seen += 1) === at ? when : undefined);
        await world.sync({ kind: 'team', id });
        world.faults = () => undefined;
        // After a write without an answer the lease runs out, and then the write can no longer take effect.
        world.world.clock.advance(120_000);
        await settle(world);
        expect(await snapshotOf(world), `request ${at}`).toEqual(wanted);
      }
    },
    120_000,
  );
});

describe('a licence that ends', () => {
  it('leaves teams in their frozen organizations, sends what fits, and fails nothing', async () => {
    const world = await start(true);
    await signInBoth(world);
    await world.setLicence(false);
    await editRow(world.world.tables, organizationRow(id), {
      models: '["gpt-4o","claude-sonnet"]',
      max_budget: 2000,
    });
    await editRow(world.world.tables, teamRow(id), { max_budget: 1500, budget_duration: '30d' });
    const { status, reported = [] } = await world.sync({ kind: 'team', id });
    expect(status).toBe('done');
    expect(reported).toEqual([
      { kind: 'team', id, code: 'organization_frozen', detail: 'models, max_budget' },
    ]);
    expect(teamOf(world)).toMatchObject({ organization_id: id, models: ['gpt-4o'], max_budget: 1000 });
    expect((await world.compare()).map(lineOf)).toEqual([`left alone team ${id}, organization_frozen`]);
    await expectSettled(world);
  });

  it('makes removals in an organization wait, and does those in teams', async () => {
    const world = await start(true);
    await signInBoth(world);
    await world.setLicence(false);
    const results = await world.signIn(leave(world));
    // The second sync confirms the removal in the team.
    expect(results.map(({ status }) => status)).toEqual(['done', 'done']);
    expect(inTeam(world)).toEqual([BOB, 'default_user_id'].sort());
    expect(inOrganization(world)).toHaveProperty(ALICE);
    await world.setLicence(true);
    await world.repair();
    expect(inOrganization(world)).toEqual({ [BOB]: 'internal_user' });
  });
});
