/** What teams, organizations and users carry in LiteLLM, on the emulator of each version, over real HTTP. */
import { afterEach, describe, expect, it } from 'vitest';
import { behavioursOf, type Version, versions } from '../../dev/litellm/versions.ts';
import { createEmulatedWorld, type EmulatedOptions, type EmulatedWorld } from '../support/emulatedLitellm.ts';
import { newOrganization } from '../../shared/model/newEntities.ts';
import { dropColumn, editRow, organizationRow, teamRow, userRow } from '../support/handEdits.ts';
import { lineOf } from '../support/litellmEdits.ts';
import { ALICE, message, PRODUCTION_TEAM, sampleRules } from '../support/world.ts';

const { id } = PRODUCTION_TEAM;
const rules = sampleRules({
  defaultTeamParams: {
    models: ['gpt-4o', 'gpt-4o-mini'],
    max_budget: 1000,
    budget_duration: '30d',
    team_member_permissions: [],
  },
});

let on: EmulatedWorld | undefined;
afterEach(async () => on?.emulator.stop());

/** Starts a world in which LiteLLM has organizations, unless `proxy` says otherwise. */
async function start(version: Version, options: Partial<EmulatedOptions> = {}): Promise<EmulatedWorld> {
  on = await createEmulatedWorld({ version, rules, proxy: { licence: true }, ...options });
  await on.refresh();
  await on.drain();
  return on;
}

const teamOf = ({ emulator }: EmulatedWorld, teamId: string = id): object | undefined =>
  emulator.state.findTeam(teamId);

/** The ids of the organization's members. */
const membersOf = ({ emulator }: EmulatedWorld): readonly string[] =>
  emulator.state
    .read()
    .organizationMemberships.filter(({ organization_id }) => organization_id === id)
    .map(({ user_id: userId }) => userId);

/** Syncs everything again, and expects that nothing is written and nothing is refused. */
async function expectSettled(world: EmulatedWorld): Promise<void> {
  await world.drain();
  world.takeWrites();
  for (const subject of [
    { kind: 'organization', id },
    { kind: 'team', id },
    { kind: 'user', id: ALICE },
  ] as const) {
    const { status } = await world.sync(subject);
    expect(status).toBe('done');
  }
  await world.drain();
  expect(world.takeWrites()).toEqual([]);
  expect(
    (await world.compare()).filter(({ action }) => ['add', 'change', 'remove'].includes(action)),
  ).toEqual([]);
}

const codesOf = (result: { readonly reported?: readonly { readonly code: string }[] }): readonly string[] =>
  (result.reported ?? []).map(({ code }) => code);

/** Makes a key of Alice in the team, and returns the status of a call of a model with it. */
function makeKey({ emulator }: EmulatedWorld): (model: string) => Promise<number> {
  emulator.state.edit({ edit: 'createKey', key: 'sk-alice', alias: 'alice', userId: ALICE, teamId: id });
  return async (model) => {
    const answer = await fetch(`${emulator.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: 'Bearer sk-alice', 'content-type': 'application/json' },
      body: JSON.stringify({ model, messages: [] }),
    });
    return answer.status;
  };
}

describe.each(versions)('LiteLLM %s', (version) => {
  const { hasTeamDefaults, userNullClearsBudget, organizationNullClears } = behavioursOf(version);

  it("keeps the proxy's own defaults where the store says nothing, and no difference comes of them", async () => {
    const defaultTeamParams = { tpm_limit: 50, team_member_permissions: ['/key/list'], max_budget: 3 };
    const defaultInternalUserParams = { models: ['gpt-4o'], max_budget: 3 };
    const world = await start(version, {
      proxy: { licence: true, defaultTeamParams, defaultInternalUserParams },
    });
    const [result] = await world.signIn(message());
    expect(codesOf(result ?? {})).toEqual([]);
    const filled = hasTeamDefaults ? defaultTeamParams : { tpm_limit: null, max_budget: null };
    expect(teamOf(world)).toMatchObject(filled);
    expect(world.emulator.state.read().users.find(({ user_id }) => user_id === ALICE)).toMatchObject(
      defaultInternalUserParams,
    );
    await expectSettled(world);
    const shown = (await world.compare()).map(lineOf);
    const teamLine = hasTeamDefaults ? [`left alone team ${id}, from_proxy_default`] : [];
    expect(shown).toEqual([...teamLine, `left alone user ${ALICE}, from_proxy_default`]);
    // An administrator's change is one, and stays.
    world.emulator.state.edit({ edit: 'changeBudget', teamId: id, maxBudget: 4 });
    expect(codesOf(await world.sync({ kind: 'team', id }))).toEqual(['differs']);
  });

  it('writes what a stated value needs although a default is there', async () => {
    const world = await start(version, {
      proxy: {
        licence: true,
        defaultTeamParams: { max_budget: 3 },
        defaultInternalUserParams: { max_budget: 3 },
      },
    });
    await world.signIn(message());
    await editRow(world.world.tables, teamRow(id), { max_budget: 20, budget_duration: '30d' });
    await editRow(world.world.tables, userRow(ALICE), { max_budget: 9 });
    await world.sync({ kind: 'team', id });
    await world.sync({ kind: 'user', id: ALICE });
    expect(teamOf(world)).toMatchObject({ max_budget: 20, budget_duration: '30d' });
    expect(world.emulator.state.read().users.find(({ user_id }) => user_id === ALICE)).toMatchObject({
      max_budget: 9,
    });
    await expectSettled(world);
  });

  it('clears what became empty, where the version can, and says where it cannot', async () => {
    const world = await start(version);
    const { tables } = world.world;
    await world.signIn(message());
    await editRow(tables, teamRow(id), { max_budget: 20, team_member_permissions: '["/key/list"]' });
    await editRow(tables, userRow(ALICE), { max_budget: 9 });
    await world.sync({ kind: 'team', id });
    await world.sync({ kind: 'user', id: ALICE });
    expect(teamOf(world)).toMatchObject({ max_budget: 20, team_member_permissions: ['/key/list'] });
    await dropColumn(tables, teamRow(id), 'max_budget');
    await editRow(tables, teamRow(id), { team_member_permissions: '[]' });
    await dropColumn(tables, userRow(ALICE), 'max_budget');
    await dropColumn(tables, organizationRow(id), 'max_budget');
    const team = await world.sync({ kind: 'team', id });
    const user = await world.sync({ kind: 'user', id: ALICE });
    expect(teamOf(world)).toMatchObject({ max_budget: null, team_member_permissions: [] });
    const { users, organizations, budgets } = world.emulator.state.read();
    const organization = organizations.find(({ organization_id }) => organization_id === id);
    expect(budgets.find(({ budget_id }) => budget_id === organization?.budget_id)?.max_budget).toBe(
      organizationNullClears ? null : 1000,
    );
    expect(users.find(({ user_id }) => user_id === ALICE)?.max_budget).toBe(userNullClearsBudget ? null : 9);
    expect(codesOf(team)).toEqual(organizationNullClears ? [] : ['cannot_be_cleared']);
    expect(codesOf(user)).toEqual([
      ...(organizationNullClears ? [] : ['cannot_be_cleared']),
      ...(userNullClearsBudget ? [] : ['cannot_be_cleared']),
    ]);
    await expectSettled(world);
  });

  it("never sends a team's budget above its organization's", async () => {
    const world = await start(version);
    await world.signIn(message());
    await editRow(world.world.tables, teamRow(id), { max_budget: 100, budget_duration: '1d' });
    const result = await world.sync({ kind: 'team', id });
    expect(codesOf(result)).toEqual(['capped_to_organization']);
    expect(teamOf(world)).toMatchObject({ max_budget: 1000, budget_duration: '30d' });
    await expectSettled(world);
  });

  it('blocks a team without a model, and unblocks it once there is one', async () => {
    const world = await start(version);
    const { tables } = world.world;
    await world.signIn(message());
    const call = makeKey(world);
    expect(await call('gpt-4o')).toBe(200);
    await editRow(tables, teamRow(id), { models: '["claude-sonnet"]' });
    expect(codesOf(await world.sync({ kind: 'team', id }))).toEqual(['no_models_left']);
    expect(teamOf(world)).toMatchObject({ blocked: true });
    expect(await call('gpt-4o')).not.toBe(200);
    await expectSettled(world);
    await editRow(tables, organizationRow(id), { models: '["gpt-4o","claude-sonnet"]' });
    expect(codesOf(await world.sync({ kind: 'organization', id }))).toEqual([]);
    await world.drain();
    expect(teamOf(world)).toMatchObject({ blocked: false, models: ['claude-sonnet'] });
    expect(await call('claude-sonnet')).toBe(200);
    expect(await call('gpt-4o')).not.toBe(200);
    await expectSettled(world);
  });

  it('leaves a team blocked that an administrator blocked', async () => {
    const world = await start(version);
    await world.deps.litellm.blockTeam(id);
    await editRow(world.world.tables, teamRow(id), { models: '["claude-sonnet"]' });
    await world.sync({ kind: 'team', id });
    await editRow(world.world.tables, teamRow(id), { models: '["gpt-4o"]' });
    await world.sync({ kind: 'team', id });
    expect(teamOf(world)).toMatchObject({ blocked: true, models: ['gpt-4o'] });
  });

  it('takes from teams what their organization loses', async () => {
    const world = await start(version);
    await world.signIn(message());
    const call = makeKey(world);
    await editRow(world.world.tables, organizationRow(id), { models: '["gpt-4o-mini"]' });
    await world.sync({ kind: 'organization', id });
    await world.drain();
    expect(await call('gpt-4o')).not.toBe(200);
    expect(await call('gpt-4o-mini')).toBe(200);
    await expectSettled(world);
  });

  it('changes nothing in a team that an administrator moved to another organization', async () => {
    const world = await start(version);
    world.emulator.state.edit(
      { edit: 'createOrganization', organizationId: 'theirs', models: ['claude-sonnet'] },
      { edit: 'moveTeam', teamId: id, organizationId: 'theirs' },
    );
    await editRow(world.world.tables, organizationRow(id), { models: '["gpt-4o-mini"]' });
    await editRow(world.world.tables, teamRow(id), { max_budget: 5, team_alias: 'Other' });
    const before = teamOf(world);
    const { reported } = await world.sync({ kind: 'team', id });
    expect(reported).toEqual([{ kind: 'team', id, code: 'differs', detail: 'organization_id' }]);
    expect(teamOf(world)).toEqual(before);
    expect((await world.compare()).map(lineOf)).toContain(`differs team ${id}`);
  });

  it('moves a standalone team into its organization, or says that it cannot', async () => {
    const world = await start(version, { rules: { ...rules, groupsAlsoCreateOrgs: false } });
    const { tables } = world.world;
    await world.signIn(message());
    const call = makeKey(world);
    const at = world.world.clock.now();
    await world.world.store.entities.createOrganizations([newOrganization(PRODUCTION_TEAM, rules, at)]);
    await editRow(tables, organizationRow(id), { models: '["gpt-4o"]', max_budget: 500 });
    await editRow(tables, teamRow(id), { organization_id: id, models: '["all-org-models"]' });
    const result = await world.sync({ kind: 'team', id });
    // Where it cannot be moved, it carries what its organization would limit.
    const { moveTakesMembers: moves } = behavioursOf(version);
    expect(codesOf(result)).toEqual([moves ? 'capped_to_organization' : 'not_moved']);
    const organization_id = moves ? id : null;
    expect(teamOf(world)).toMatchObject({ organization_id, models: ['gpt-4o'], max_budget: 500 });
    expect(membersOf(world)).toEqual([]);
    const why = moves ? 'capped_to_organization' : 'not_moved';
    expect((await world.compare()).map(lineOf)).toContain(`left alone team ${id}, ${why}`);
    expect(await call('gpt-4o')).toBe(200);
    expect(await call('gpt-4o-mini')).not.toBe(200);
    await expectSettled(world);
  });

  it('moves a team out of its organization', async () => {
    const world = await start(version);
    await world.signIn(message());
    await dropColumn(world.world.tables, teamRow(id), 'organization_id');
    await editRow(world.world.tables, teamRow(id), { models: '["claude-sonnet"]' });
    expect(codesOf(await world.sync({ kind: 'team', id }))).toEqual([]);
    expect(teamOf(world)).toMatchObject({ organization_id: null, models: ['claude-sonnet'] });
    await expectSettled(world);
  });
});
