/**
 * Runs several actors on one store, one store request at a time, in an order that the test chooses: deterministic, so
 * that every order can be tried.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Tables } from '../../shared/model/tables.ts';
import type { MemoryTables, StoreHook } from './memoryTables.ts';

/** Where an actor dies: at its request number `call` (from 0), before it reaches the store or after it was done. */
export interface CrashPoint {
  readonly call: number;
  readonly phase: 'before' | 'after';
}

class Crash extends Error {
  override readonly name = 'Crash';
}

/** One actor: what it does on its view of the store, and where it dies, if it does. */
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

/** `first` goes first; at each of the steps in `switches` the other one goes on, if it can. */
export interface Schedule {
  readonly first: 0 | 1;
  readonly switches: readonly number[];
}

export interface Interleaved {
  readonly steps: number;
  readonly crashed: readonly boolean[];
  /** What an actor threw, other than dying as told. */
  readonly failures: readonly unknown[];
}

/** Runs two actors by the schedule until both are over. */
export async function interleave(
  tables: MemoryTables,
  actors: readonly [Actor, Actor],
  schedule: Schedule,
): Promise<Interleaved> {
  const running = actors.map((actor) => startActor(tables, actor));
  const switches = new Set(schedule.switches);
  let turn: number = schedule.first;
  let step = 0;
  const isStuck = (index: number): boolean => {
    const one = running[index];
    return one === undefined || one.isOver || one.crashed || one.waiting.length === 0;
  };
  await nextTurn();
  while (!(isStuck(0) && isStuck(1))) {
    if (switches.has(step) || isStuck(turn)) turn = isStuck(1 - turn) ? turn : 1 - turn;
    running[turn]?.waiting.shift()?.();
    step += 1;
    // Everything that follows from this one request happens before the next is let through.
    await nextTurn();
  }
  return {
    steps: step,
    crashed: running.map((one) => one.crashed),
    failures: running.map((one) => (one.failure instanceof Crash ? undefined : one.failure)),
  };
}

/** Every set of up to `most` steps below `steps`, ascending. */
export function* switchPoints(steps: number, most: number, from = 0): Generator<readonly number[]> {
  yield [];
  if (most === 0) return;
  for (let first = from; first < steps; first += 1) {
    for (const rest of switchPoints(steps, most - 1, first + 1)) yield [first, ...rest];
  }
}
