/** First loads over HTTP, on the emulator of every version. */
import { afterEach, describe, expect, it } from 'vitest';
import { versions } from '../../dev/litellm/versions.ts';
import { createEmulatedWorld, type EmulatedOptions, type EmulatedWorld } from '../support/emulatedLitellm.ts';
import { writesOf } from '../support/litellmEdits.ts';
import { groupAt, personAt } from '../support/loadWorld.ts';
import { message, sampleRules } from '../support/world.ts';

const PEOPLE = 100;
const GROUPS = [groupAt(0), groupAt(1)];
const MODEL = 'gpt-4o';

let on: EmulatedWorld | undefined;
afterEach(async () => on?.emulator.stop());

/** Everybody is in both groups, and LiteLLM is empty. */
async function createCompany(options: EmulatedOptions): Promise<EmulatedWorld> {
  const { defaultTeamParams } = sampleRules();
  const rules = sampleRules({ defaultTeamParams: { ...defaultTeamParams, models: [MODEL] } });
  const assigned = GROUPS.map((id) => ({ id, displayName: id }));
  const world = await createEmulatedWorld({ rules, assigned, ...options });
  on = world;
  await world.refresh();
  for (let number = 0; number < PEOPLE; number += 1) {
    const userId = personAt(number);
    await world.provision(message({ userId, email: `${userId}@company.com`, name: userId, groups: GROUPS }));
  }
  world.waiting.length = 0;
  return world;
}

const everyone = Array.from({ length: PEOPLE }, (_, at) => personAt(at));

const teamMembers = ({ emulator }: EmulatedWorld, id: string): readonly string[] =>
  (emulator.state.findTeam(id)?.members_with_roles ?? [])
    .map(({ user_id: userId }) => userId ?? '')
    .filter((userId) => userId.startsWith('person'))
    .sort();

const countOf = (writes: readonly string[], path: string): number =>
  writes.filter((each) => each === `POST ${path}`).length;

describe.each(versions)('a first load on LiteLLM %s', (version) => {
  it('takes few requests, ends with everyone in both teams, and leaves nothing to do', async () => {
    const world = await createCompany({ version, proxy: { licence: true } });
    await world.repair();
    for (const id of GROUPS) expect(teamMembers(world, id)).toEqual(everyone);
    const requests = world.emulator.requests.all.length;
    expect(requests / PEOPLE).toBeLessThan(1.5);
    const writes = world.takeWrites();
    expect(countOf(writes, '/user/new')).toBe(PEOPLE);
    expect(countOf(writes, '/team/member_add')).toBe(4);
    expect(countOf(writes, '/organization/member_add')).toBe(4);
    expect(writesOf(await world.compare())).toEqual([]);
    await world.repair();
    expect(world.takeWrites()).toEqual([]);
    for (const id of GROUPS) await world.sync({ kind: 'team', id });
    await world.sync({ kind: 'user', id: personAt(50) });
    expect(world.takeWrites()).toEqual([]);
  }, 60_000);

  it('goes on after a lost answer, and nobody is in a team twice', async () => {
    const world = await createCompany({ version, proxy: { licence: true } });
    let lists = 0;
    world.faults = (_, path) => {
      if (path !== '/team/member_add') return undefined;
      lists += 1;
      return lists === 2 ? 'after' : undefined;
    };
    await world.repair();
    for (const id of GROUPS) expect(teamMembers(world, id)).toEqual(everyone);
    expect(writesOf(await world.compare())).toEqual([]);
    const { teams } = await world.deps.record.readPerson(personAt(70));
    expect([...teams.values()].map(({ state }) => state)).toEqual(['added', 'added']);
  }, 60_000);

  it('completes a list one at a time if one of it was added meanwhile', async () => {
    const world = await createCompany({ version, proxy: { licence: true } });
    let isAdded = false;
    world.faults = (_, path) => {
      if (path !== '/organization/member_add' || isAdded) return undefined;
      isAdded = true;
      const [id = ''] = GROUPS;
      const { emulator } = world;
      emulator.state.addOrganizationMember({
        organizationId: id,
        userId: personAt(3),
        role: 'internal_user',
      });
      return undefined;
    };
    await world.repair();
    expect(isAdded).toBe(true);
    for (const id of GROUPS) expect(teamMembers(world, id)).toEqual(everyone);
    expect(writesOf(await world.compare())).toEqual([]);
  }, 60_000);
});

describe('a first load on a LiteLLM without a licence for organizations', () => {
  it('loads the teams', async () => {
    const world = await createCompany({ version: '1.108.0', proxy: { licence: false } });
    await world.setLicence(false);
    world.emulator.requests.clear();
    await world.repair();
    for (const id of GROUPS) expect(teamMembers(world, id)).toEqual(everyone);
    expect(world.emulator.requests.all.length / PEOPLE).toBeLessThan(1.5);
    expect(countOf(world.takeWrites(), '/team/member_add')).toBe(4);
  }, 60_000);
});
