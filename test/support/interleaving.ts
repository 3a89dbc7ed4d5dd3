/**
 * Runs several actors on one store, one store request at a time, in an order that the test chooses. It is deterministic, so a
 * test can try every order.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Tables } from '../../shared/model/tables.ts';
import type { MemoryTables, StoreHook } from './memoryTables.ts';

/** The point at which an actor crashes: its request number `call` (from 0), before the store gets it or after it was executed. */
export interface CrashPoint {
  readonly call: number;
  readonly phase: 'before' | 'after';
}

class Crash extends Error {
  override readonly name = 'Crash';
}

/** One actor: its work on its own view of the store, and the point at which it crashes, if any. */
export interface Actor {
  readonly run: (tables: Tables) => Promise<void>;
  readonly crash?: CrashPoint;
}

interface Running {
  readonly waiting: (() => void)[];
  calls: number;
  isOver: boolean;
  crashed: boolean;
  failure: unknown;
}

function startActor(tables: MemoryTables, actor: Actor): Running {
  const running: Running = { waiting: [], calls: 0, isOver: false, crashed: false, failure: undefined };
  const crashing = new Set<number>();
  const hook: StoreHook = async ({ phase, sequence }) => {
    if (phase === 'after') {
      if (crashing.has(sequence)) throw new Crash();
      return;
    }
    const call = running.calls;
    running.calls += 1;
    await new Promise<void>((resolve) => {
      running.waiting.push(resolve);
    });
    if (actor.crash?.call !== call) return;
    running.crashed = true;
    if (actor.crash.phase === 'before') throw new Crash();
    crashing.add(sequence);
  };
  const settle = async (): Promise<void> => {
    try {
      await actor.run(tables.view(hook));
    } catch (error) {
      running.failure = error;
    }
    running.isOver = true;
  };
  void settle();
  return running;
}

/** The order of the steps. The actor `first` starts. At each step in `switches`, the other actor continues if it can. */
export interface Schedule {
  readonly first: 0 | 1;
  readonly switches: readonly number[];
}

export interface Interleaved {
  readonly steps: number;
  /** The steps before which both actors could go. A switch at any other step changes nothing. */
  readonly choices: readonly number[];
  readonly crashed: readonly boolean[];
  /** The errors that the actors threw, other than the planned crash. */
  readonly failures: readonly unknown[];
}

/** Runs two actors by the schedule until both have ended. */
export async function interleave(
  tables: MemoryTables,
  actors: readonly [Actor, Actor],
  schedule: Schedule,
): Promise<Interleaved> {
  const running = actors.map((actor) => startActor(tables, actor));
  const switches = new Set(schedule.switches);
  let turn: number = schedule.first;
  let step = 0;
  const choices: number[] = [];
  const isStuck = (index: number): boolean => {
    const one = running[index];
    return one === undefined || one.isOver || one.crashed || one.waiting.length === 0;
  };
  await nextTurn();
  while (!(isStuck(0) && isStuck(1))) {
    if (!isStuck(0) && !isStuck(1)) choices.push(step);
    if (switches.has(step) || isStuck(turn)) turn = isStuck(1 - turn) ? turn : 1 - turn;
    running[turn]?.waiting.shift()?.();
    step += 1;
    // Everything that follows from this request happens before the next request starts.
    await nextTurn();
  }
  return {
    steps: step,
    choices,
    crashed: running.map((one) => one.crashed),
    failures: running.map((one) => (one.failure instanceof Crash ? undefined : one.failure)),
  };
}

/**
 * Runs every schedule that begins with `first` and has at most `most` switches, each schedule once: a switch is only added where the
 * run so far had a choice. `below` limits the steps at which a switch is tried. Returns the number of runs.
 */
export async function tryEverySchedule(
  {
    first,
    most,
    below = Infinity,
  }: { readonly first: 0 | 1; readonly most: number; readonly below?: number },
  run: (schedule: Schedule) => Promise<Pick<Interleaved, 'choices'>>,
): Promise<number> {
  const tryFrom = async (switches: readonly number[]): Promise<number> => {
    const { choices } = await run({ first, switches });
    if (switches.length === most) return 1;
    const last = switches.at(-1) ?? -1;
    let count = 1;
    for (const next of choices) {
      if (next > last && next < below) count += await tryFrom([...switches, next]);
    }
    return count;
  };
  return tryFrom([]);
}
