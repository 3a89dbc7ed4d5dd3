/**
 * Leaving, returning and deleting, interrupted at every call to the store and to the proxy, by two instances, and by an administrator.
 * In each of them: no key that should rest answers, none is destroyed before its time, and none goes to a wrong owner.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PARKED_OWNER } from '../../../shared/litellm/keys/decideKey.ts';
import { repairKeys } from '../../../shared/litellm/keys/repairKeys.ts';
import { errorCodeOf } from '../../../shared/model/errors.ts';
import type { LitellmKey } from '../../../shared/model/litellmPorts.ts';
import { sync } from '../../../shared/litellm/sync.ts';
import type { SyncDeps } from '../../../shared/litellm/syncDeps.ts';
import { unreachable } from '../../support/memoryLitellm.ts';
import {
  ANN,
  BOB,
  createKeyWorld,
  type KeyWorld,
  OTHER_TEAM,
  repairDeps,
  TEAM,
} from '../../support/restingKeys.ts';
import { createCrash, createSteppedWorker } from '../../support/steppedWorker.ts';

const VERSIONS = ['1.80.0', '1.101.6'] as const;
const OWN = ['ann-1', 'ann-2'] as const;
const OTHERS = ['ann-other', 'bob-1', 'service'] as const;
type Step = 'leave' | 'return' | 'delete';

async function syncAnn(deps: SyncDeps): Promise<void> {
  await sync(deps, { version: 1, subject: { kind: 'user', id: ANN } }, { attempt: 1 });
}

/** What the worker does in a step. */
async function work(on: KeyWorld, step: Step, deps: SyncDeps): Promise<void> {
  if (step === 'delete') await repairKeys({ ...repairDeps(on), ...deps });
  else await syncAnn(deps);
}

/** Brings everything to the beginning of a step. */
async function begin(version: string, step: Step): Promise<KeyWorld> {
  const on = await createKeyWorld({ version });
  on.addKey('ann-2', { models: ['gpt-4'], alias: 'second' });
  if (step === 'leave') {
    await on.provisionOnly(ANN, [OTHER_TEAM]);
  } else if (step === 'return') {
    await on.have(ANN, [OTHER_TEAM]);
    await on.provisionOnly(ANN, [TEAM, OTHER_TEAM]);
  } else {
    await on.have(ANN, [OTHER_TEAM]);
    on.advanceDays(8);
    await on.have(ANN, [OTHER_TEAM]);
  }
  on.waiting.length = 0;
  return on;
}

/** Returns the titles of the conditions that do not hold. */
function failing(conditions: Readonly<Record<string, boolean>>): readonly string[] {
  return Object.entries(conditions)
    .filter(([, holds]) => !holds)
    .map(([title]) => title);
}

/** Returns what is wrong with the place of one key. */
function keyFaults(key: LitellmKey, answers: boolean): readonly string[] {
  const { hash, userId, teamId, blocked } = key;
  const isHome = userId === ANN && teamId === TEAM;
  const isOnItsWay = userId === ANN && teamId === undefined && blocked;
  const isParked = userId === PARKED_OWNER && teamId === undefined;
  return failing({
    [`${hash} is at home, parked, or on its way`]: isHome || isOnItsWay || isParked,
    [`${hash} answers only at home`]: isHome || !answers,
  });
}

/** Returns what is wrong after any interruption, whatever is not finished yet. */
function findFaults(on: KeyWorld, step: Step): readonly string[] {
  const own = OWN.flatMap((hash) => {
    const key = on.key(hash);
    const answers = on.litellm.answers(hash);
    if (key === undefined) return step === 'delete' ? [] : [`${hash} was destroyed`];
    return [...keyFaults(key, answers), ...(step === 'delete' && answers ? [`${hash} answers`] : [])];
  });
  const others = OTHERS.filter((hash) => !on.litellm.answers(hash)).map((hash) => `${hash} was touched`);
  return [...own, ...others];
}

const FINISHED = {
  leave: { states: 'parked,parked', existing: 2, answering: 0 },
  return: { states: '', existing: 2, answering: 2 },
  delete: { states: '', existing: 0, answering: 0 },
} as const;

async function findUnfinished(on: KeyWorld, step: Step): Promise<readonly string[]> {
  const { keys, left, teams } = await on.deps.record.readPerson(ANN);
  const isMember = on.litellm.teams.get(TEAM)?.members.has(ANN) === true;
  const existing = OWN.flatMap((hash) => on.key(hash) ?? []);
  const leaving = left.get(TEAM);
  const states = [...keys.values()].map(({ state }) => state).join(',');
  const models = existing.map((key) => key.models.join(',')).join(';');
  const answering = OWN.filter((hash) => on.litellm.answers(hash)).length;
  const wanted = FINISHED[step];
  return [
    ...findFaults(on, step),
    ...failing({
      membership: isMember === (step === 'return'),
      'record of the membership': teams.has(TEAM) === (step === 'return'),
      'records of keys': states === wanted.states,
      keys: existing.length === wanted.existing,
      answers: answering === wanted.answering,
      'models as they were': step !== 'return' || models === ';gpt-4',
      'leaving closed': leaving?.isOpen === false && leaving.lost === 0,
    }),
  ];
}

/** The queue delivers the message again once the lease of the dead worker has run out, and the next look follows. */
async function recover(on: KeyWorld, step: Step): Promise<void> {
  on.world.clock.advance(120_000);
  await work(on, step, on.deps);
  await on.drain();
  on.world.clock.advance(120_000);
  await syncAnn(on.deps);
  if (step === 'delete') await work(on, step, on.deps);
}

const STEPS: readonly Step[] = ['leave', 'return', 'delete'];
const cases = VERSIONS.flatMap((version) => STEPS.map((step) => ({ version, step })));

describe.each(cases)('$step on version $version', ({ version, step }) => {
  it.each(['before', 'after'] as const)('ends the same after a crash %s any call', async (phase) => {
    let call = 1;
    for (; ; call += 1) {
      const on = await begin(version, step);
      const { gate, hasCrashed } = createCrash(call, phase);
      const worked = work(on, step, createSteppedWorker(on, gate));
      await worked.catch((error: unknown) => {
        if (!hasCrashed()) throw error;
      });
      if (!hasCrashed()) break;
      expect(findFaults(on, step)).toEqual([]);
      await recover(on, step);
      expect(await findUnfinished(on, step)).toEqual([]);
    }
    expect(call).toBeGreaterThan(15);
  });

  it.each(['before', 'after'] as const)(
    'ends the same after any lost answer (%s it took effect)',
    async (when) => {
      for (let call = 1; ; call += 1) {
        const on = await begin(version, step);
        on.litellm.calls.length = 0;
        let isOver = false;
        on.litellm.faults = (number, { isWrite }) => {
          if (number !== call || isOver) return undefined;
          isOver = true;
          return { when, error: unreachable(isWrite) };
        };
        await work(on, step, on.deps).catch((error: unknown) => {
          if (errorCodeOf(error) !== 'litellm_unreachable') throw error;
        });
        if (!isOver) break;
        expect(findFaults(on, step)).toEqual([]);
        await recover(on, step);
        expect(await findUnfinished(on, step)).toEqual([]);
      }
    },
  );

  it('ends the same with two instances at once, in any order of their calls', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(3), { minLength: 40, maxLength: 40 }), async (waits) => {
        const on = await begin(version, step);
        let index = 0;
        const gate = async (): Promise<void> => {
          index += 1;
          for (let count = waits[index % waits.length] ?? 0; count > 0; count -= 1) await nextTurn();
        };
        const workers = [createSteppedWorker(on, gate), createSteppedWorker(on, gate)];
        await Promise.all([
          ...workers.map(async (worker) => work(on, step, worker)),
          repairKeys({ ...repairDeps(on), ...createSteppedWorker(on, gate) }),
        ]);
        expect(findFaults(on, step)).toEqual([]);
        await recover(on, step);
        expect(await findUnfinished(on, step)).toEqual([]);
      }),
      { numRuns: 15 },
    );
  });
});

describe.each(VERSIONS)('a return that crashed, on version %s', (version) => {
  it('ends with parked keys if the person leaves again before it is finished', async () => {
    for (let call = 1; ; call += 1) {
      const on = await begin(version, 'return');
      const { gate, hasCrashed } = createCrash(call, 'after');
      await work(on, 'return', createSteppedWorker(on, gate)).catch(() => undefined);
      if (!hasCrashed()) break;
      on.world.clock.advance(120_000);
      await on.provisionOnly(ANN, [OTHER_TEAM]);
      await recover(on, 'leave');
      expect(await findUnfinished(on, 'leave')).toEqual([]);
    }
  });
});

/** What an administrator does meanwhile, in LiteLLM. */
const EDITS: Readonly<Record<string, (on: KeyWorld) => void>> = {
  'gives the key to Bob': (on) => changeKey(on, { userId: BOB, teamId: TEAM, blocked: false }),
  'deletes the key': (on) => void on.litellm.keys.delete('ann-1'),
  'adds the person again': (on) => {
    const team = on.litellm.teams.get(TEAM);
    if (team !== undefined) team.members = new Map([...team.members, [ANN, 'user']]);
  },
  'removes the person': (on) => {
    const team = on.litellm.teams.get(TEAM);
    if (team !== undefined) team.members = new Map([...team.members].filter(([userId]) => userId !== ANN));
  },
  'opens the key if it is parked': (on) => {
    if (on.key('ann-1')?.userId === PARKED_OWNER) changeKey(on, { blocked: false });
  },
};

function findFaultsAfterEdit(on: KeyWorld, step: Step, edit: string): readonly string[] {
  const isMember = on.litellm.teams.get(TEAM)?.members.has(ANN) === true;
  const own = OWN.flatMap((hash) => on.key(hash) ?? [])
    // What an administrator gave to Bob is an administrator's business.
    .filter(({ userId }) => userId !== BOB)
    .flatMap((key) => [
      ...keyFaults(key, on.litellm.answers(key.hash)),
      ...(on.litellm.answers(key.hash) && !isMember ? [`${key.hash} answers without a membership`] : []),
    ]);
  const mayBeGone = step === 'delete' || edit === 'deletes the key';
  return [
    ...own,
    ...failing({
      membership: edit === 'adds the person again' || isMember === (step === 'return'),
      'the first key exists': mayBeGone || on.key('ann-1') !== undefined,
      'the second key exists': step === 'delete' || on.key('ann-2') !== undefined,
      'other keys': OTHERS.every((hash) => on.litellm.answers(hash)),
    }),
  ];
}

function changeKey(on: KeyWorld, changes: object): void {
  const key = on.key('ann-1');
  if (key !== undefined) on.litellm.keys.set('ann-1', { ...key, ...changes });
}

const edited = cases.flatMap((each) => Object.keys(EDITS).map((edit) => ({ ...each, edit })));

describe.each(edited)(
  '$step on version $version, while an administrator $edit',
  ({ version, step, edit }) => {
    it('leaves no key open that should rest, and gives none to a wrong owner', async () => {
      for (let call = 1; ; call += 1) {
        const on = await begin(version, step);
        let calls = 0;
        let isDone = false;
        const gate = async (phase: 'before' | 'after'): Promise<void> => {
          await Promise.resolve();
          if (phase === 'after') return;
          calls += 1;
          if (calls !== call) return;
          isDone = true;
          EDITS[edit]?.(on);
        };
        await work(on, step, createSteppedWorker(on, gate));
        if (!isDone) break;
        await recover(on, step);
        await repairKeys(repairDeps(on));
        await on.drain();
        expect(findFaultsAfterEdit(on, step, edit)).toEqual([]);
      }
    });
  },
);
