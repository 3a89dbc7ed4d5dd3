/**
 * Two administrators of one organization leave at once, interleaved at every store request, with a crash at every request too:
 * never are both gone, and whoever is a member stands in the index.
 */
import { describe, expect, it } from 'vitest';
import { provisionUser } from '../../shared/provisioning/provisionUser.ts';
import type { InlineMessage } from '../../shared/queue/queueMessage.ts';
import { indexOf } from '../support/handEdits.ts';
import type { Actor, CrashPoint, Schedule } from '../support/interleaving.ts';
import { interleave, type Interleaved, tryEverySchedule } from '../support/interleaving.ts';
import type { World } from '../support/world.ts';
import { ALICE, BOB, message, PRODUCTION_TEAM, readyWorld } from '../support/world.ts';

const GROUP = PRODUCTION_TEAM.id;
const PEOPLE = [ALICE, BOB] as const;
const FIRSTS = [0, 1] as const;

interface Trial {
  readonly schedule: Schedule;
  readonly crash?: { readonly who: 0 | 1; readonly point: CrashPoint };
}

function leavingOf(userId: string): InlineMessage {
  return message({ id: `leaving ${userId}`, userId, second: 200, groups: [] });
}

async function administrators(world: World): Promise<readonly string[]> {
  const roles = await Promise.all(
    PEOPLE.map(async (userId) => world.store.organizationMemberships.findRole(userId, GROUP)),
  );
  return PEOPLE.filter((_, index) => roles[index] === 'org_admin');
}

async function runTrial(
  trial: Trial,
): Promise<Pick<Interleaved, 'steps' | 'choices'> & { readonly left: readonly string[] }> {
  const world = await readyWorld();
  for (const userId of PEOPLE) await world.provision(message({ userId, appRoles: ['org_admin'] }));
  const list = (await world.store.assignedGroups.find())?.list;
  const actorOf = (who: 0 | 1): Actor => ({
    ...(trial.crash?.who === who ? { crash: trial.crash.point } : {}),
    run: async (tables) => {
      const deps = world.worker(tables);
      if (list !== undefined) deps.knowledge.remember(list);
      await provisionUser(deps, leavingOf(PEOPLE[who]), { attempt: 1, isLastAttempt: false });
    },
  });
  const { steps, choices, failures, crashed } = await interleave(
    world.tables,
    [actorOf(0), actorOf(1)],
    trial.schedule,
  );
  expect({ trial, failures }).toEqual({ trial, failures: [undefined, undefined] });
  const atOnce = await administrators(world);
  expect({ trial, atOnce: atOnce.length }).not.toEqual({ trial, atOnce: 0 });
  // What died is delivered again.
  for (const [index, userId] of PEOPLE.entries())
    if (crashed[index] === true) await world.provision(leavingOf(userId), { attempt: 2 });
  const left = await administrators(world);
  expect(await indexOf(world.tables, 'organizationMembers', GROUP)).toEqual(
    expect.arrayContaining([...left]),
  );
  return { steps, choices, left };
}

/** Tries every schedule, and expects an administrator to be left after each. */
async function tryAll(
  order: Parameters<typeof tryEverySchedule>[0],
  crash?: Trial['crash'],
): Promise<ReadonlySet<string>> {
  const ends = new Set<string>();
  await tryEverySchedule(order, async (schedule) => {
    const trial = { schedule, ...(crash === undefined ? {} : { crash }) };
    const { left, choices } = await runTrial(trial);
    expect({ trial, left: left.length }).not.toEqual({ trial, left: 0 });
    ends.add(left.join(' '));
    return { choices };
  });
  return ends;
}

async function stepsOfBoth(): Promise<number> {
  return (await runTrial({ schedule: { first: 0, switches: [] } })).steps;
}

describe('the last org_admin', { timeout: 120_000 }, () => {
  it('stays when two leave at once, whichever request comes when', async () => {
    const ends: string[] = [];
    for (const first of FIRSTS) ends.push(...(await tryAll({ first, most: 2 })));
    // Either may be the one who stays; and both, where each sees the other leave.
    expect(ends).toEqual(expect.arrayContaining([ALICE, BOB]));
  });

  it('stays when two leave at once, whichever request either dies at', async () => {
    const calls = Math.ceil((await stepsOfBoth()) / 2) + 2;
    for (const who of FIRSTS)
      for (let call = 0; call < calls; call += 1)
        for (const phase of ['before', 'after'] as const) {
          const crash = { who, point: { call, phase } };
          expect((await tryAll({ first: who, most: 1, below: call + 1 }, crash)).size).toBeGreaterThan(0);
        }
  });
});
