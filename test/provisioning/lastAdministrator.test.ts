/**
 * Two administrators of one organization leave at once, interleaved at every store request, with a crash at every request too:
 * never are both gone, and whoever is a member stands in the index.
 */
import { describe, expect, it } from 'vitest';
import { provisionUser } from '../../shared/provisioning/provisionUser.ts';
import type { InlineMessage } from '../../shared/queue/queueMessage.ts';
import { indexOf } from '../support/handEdits.ts';
import {
  type Actor,
  type CrashPoint,
  type Schedule,
  interleave,
  switchPoints,
} from '../support/interleaving.ts';
import { type World, ALICE, BOB, message, PRODUCTION_TEAM, readyWorld } from '../support/world.ts';

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

async function runTrial(trial: Trial): Promise<{ readonly steps: number; readonly left: readonly string[] }> {
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
  const { steps, failures, crashed } = await interleave(
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
  return { steps, left };
}

function* everyInterleaving(steps: number): Generator<Trial> {
  for (const first of FIRSTS)
    for (const switches of switchPoints(steps, 2)) yield { schedule: { first, switches } };
}

/** Each dies at each of its requests, before or after it, and the other runs through at every point before that. */
function* everyCrash(calls: number): Generator<Trial> {
  for (const who of FIRSTS)
    for (let call = 0; call < calls; call += 1)
      for (const phase of ['before', 'after'] as const)
        for (const switches of switchPoints(call + 1, 1))
          yield { schedule: { first: who, switches }, crash: { who, point: { call, phase } } };
}

async function stepsOfBoth(): Promise<number> {
  return (await runTrial({ schedule: { first: 0, switches: [] } })).steps;
}

describe('the last org_admin', { timeout: 120_000 }, () => {
  it('stays when two leave at once, whichever request comes when', async () => {
    const steps = await stepsOfBoth();
    const ends = new Set<string>();
    for (const trial of everyInterleaving(steps + 4)) {
      const { left } = await runTrial(trial);
      expect({ trial, left: left.length }).not.toEqual({ trial, left: 0 });
      ends.add(left.join(' '));
    }
    // Either may be the one who stays; and both, where each sees the other leave.
    expect([...ends]).toEqual(expect.arrayContaining([ALICE, BOB]));
  });

  it('stays when two leave at once, whichever request either dies at', async () => {
    const steps = await stepsOfBoth();
    for (const trial of everyCrash(Math.ceil(steps / 2) + 2)) {
      const { left } = await runTrial(trial);
      expect({ trial, left: left.length }).not.toEqual({ trial, left: 0 });
    }
  });
});
