/**
 * Leaving, returning and deleting, interrupted at every call to the store and to the proxy, by two instances, and by an administrator.
 * In each of them: no key that should rest answers, none is destroyed before its time, and none goes to a wrong owner.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PARKED_OWNER } from '../../../shared/litellm/keys/decideKey.ts';
import { repairKeys } from '../../../shared/litellm/keys/repairKeys.ts';
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
import { Crash, createCrash, createSteppedWorker } from '../../support/steppedWorker.ts';

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

/** What must hold after any interruption, whatever is not finished yet. */
function expectSafe(on: KeyWorld, step: Step): void {
  for (const hash of OWN) {
    const key = on.key(hash);
    if (key === undefined) {
      expect([step, hash]).toEqual(['delete', hash]);
      continue;
    }
    expect([ANN, PARKED_OWNER]).toContain(key.userId);
    if (key.userId === PARKED_OWNER) expect(key.teamId).toBeUndefined();
    else expect(key.teamId === TEAM || (key.teamId === undefined && key.blocked)).toBe(true);
    if (on.litellm.answers(hash)) expect([key.userId, key.teamId]).toEqual([ANN, TEAM]);
    if (step === 'delete') expect(on.litellm.answers(hash)).toBe(false);
  }
  for (const hash of OTHERS) expect([hash, on.litellm.answers(hash)]).toEqual([hash, true]);
}

async function expectFinished(on: KeyWorld, step: Step): Promise<void> {
  expectSafe(on, step);
  const { keys, left, teams } = await on.deps.record.readPerson(ANN);
  const isMember = on.litellm.teams.get(TEAM)?.members.has(ANN);
  if (step === 'return') {
    expect(isMember).toBe(true);
    expect(keys.size).toBe(0);
    expect(on.key('ann-1')).toMatchObject({ userId: ANN, teamId: TEAM, blocked: false, models: [] });
    expect(on.key('ann-2')).toMatchObject({ userId: ANN, teamId: TEAM, blocked: false, models: ['gpt-4'] });
  } else {
    expect(isMember).toBe(false);
    expect(teams.has(TEAM)).toBe(false);
    expect(OWN.filter((hash) => on.litellm.answers(hash))).toEqual([]);
    expect([...keys.values()].map(({ state }) => state)).toEqual(
      step === 'leave' ? ['parked', 'parked'] : [],
    );
    expect(OWN.filter((hash) => on.key(hash) !== undefined)).toHaveLength(step === 'leave' ? 2 : 0);
  }
  expect(left.get(TEAM)).toMatchObject({ isOpen: false, lost: 0 });
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
      try {
        await work(on, step, createSteppedWorker(on, gate));
      } catch (error) {
        if (!hasCrashed()) throw error;
        if (!(error instanceof Crash)) expect(hasCrashed()).toBe(true);
      }
      if (!hasCrashed()) break;
      expectSafe(on, step);
      await recover(on, step);
      await expectFinished(on, step);
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
          expect(error).toMatchObject({ code: 'litellm_unreachable' });
        });
        if (!isOver) break;
        expectSafe(on, step);
        await recover(on, step);
        await expectFinished(on, step);
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
        expectSafe(on, step);
        await recover(on, step);
        await expectFinished(on, step);
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
      await expectFinished(on, 'leave');
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
        const isMember = on.litellm.teams.get(TEAM)?.members.has(ANN) === true;
        for (const hash of OWN) {
          const key = on.key(hash);
          // Bob's key is an administrator's business.
          if (key === undefined || key.userId === BOB) continue;
          expect([ANN, PARKED_OWNER]).toContain(key.userId);
          if (on.litellm.answers(hash)) expect([key.userId, key.teamId, isMember]).toEqual([ANN, TEAM, true]);
        }
        const isStored = step === 'return';
        const isReadded = edit === 'adds the person again';
        if (!isReadded) expect(isMember).toBe(isStored);
        if (step !== 'delete' && edit !== 'deletes the key') expect(on.key('ann-1')).toBeDefined();
        if (step !== 'delete') expect(on.key('ann-2')).toBeDefined();
        for (const hash of OTHERS) expect([hash, on.litellm.answers(hash)]).toEqual([hash, true]);
      }
    });
  },
);
