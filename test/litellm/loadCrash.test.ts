/** Loads that are interrupted: whatever was done, the next delivery ends in the same state. */
import { describe, expect, it } from 'vitest';
import type { SyncDeps } from '../../shared/litellm/syncDeps.ts';
import { compareAll, writesOf } from '../support/litellmEdits.ts';
import { type Company, createCompany, groupAt, readState, repair, runAll } from '../support/loadWorld.ts';
import { unreachable } from '../support/memoryLitellm.ts';
import type { MemoryTables } from '../support/memoryTables.ts';
import { createSyncWorld, type SyncWorld } from '../support/syncWorld.ts';
import { createTestClock } from '../support/world.ts';

const company: Company = { people: 7, groups: 2, groupsEach: 2, litellm: { keyUserId: 'default_user_id' } };

let provisioned: MemoryTables | undefined;

/** A company whose repair has requested its loads. */
async function createWaiting(): Promise<SyncWorld> {
  provisioned ??= (await createCompany(company)).world.tables;
  const on = createSyncWorld({ ...company, on: { tables: provisioned.copy(), clock: createTestClock() } });
  await repair(on);
  on.litellm.calls.length = 0;
  return on;
}

interface Interruption {
  /** Of the calls to store and proxy together, from 1. */
  readonly at: number;
  readonly when: 'before' | 'after';
  /** `dies`: the process sends nothing more, and keeps its leases. `fails`: only this call fails. */
  readonly how: 'dies' | 'fails';
}

/** Returns a worker that is interrupted, and how many calls it has made. */
function createMortal(
  on: SyncWorld,
  { at, when, how }: Interruption,
): { worker: SyncDeps; count: () => number } {
  let count = 0;
  const isHit = (number: number): boolean => number === at || (how === 'dies' && number > at);
  const numbers = new Map<number, number>();
  const tables = on.world.tables.view(({ phase, sequence }) => {
    if (phase === 'before') numbers.set(sequence, (count += 1));
    const number = numbers.get(sequence) ?? 0;
    if (isHit(number) && (phase === when || number > at)) throw new Error('The store fails.');
  });
  on.litellm.faults = (_, call) => {
    count += 1;
    if (!isHit(count)) return undefined;
    return { when: count > at ? 'before' : when, error: unreachable(call.isWrite) };
  };
  return { worker: on.worker(tables), count: () => count };
}

async function runInterrupted(on: SyncWorld, interruption: Interruption): Promise<number> {
  const { worker, count } = createMortal(on, interruption);
  await runAll(on, () => {
    if (interruption.how === 'fails' || count() < interruption.at) return worker;
    on.litellm.faults = () => undefined;
    return on.deps;
  });
  return count();
}

describe('a load', () => {
  it.each<[Interruption['how'], Interruption['when']]>([
    ['dies', 'before'],
    ['dies', 'after'],
    ['fails', 'before'],
    ['fails', 'after'],
  ])(
    'that %s %s any call of store or proxy ends in the same state',
    async (how, when) => {
      const undisturbed = await createWaiting();
      const total = await runInterrupted(undisturbed, { at: Number.MAX_SAFE_INTEGER, when, how });
      expect(undisturbed.litellm.calls.some(({ method }) => method === 'addTeamMembers')).toBe(true);
      expect(undisturbed.litellm.calls.some(({ method }) => method === 'addOrganizationMembers')).toBe(true);
      const wanted = await readState(undisturbed, company.people);
      expect(total).toBeGreaterThan(100);
      for (let at = 1; at <= total; at += 1) {
        const on = await createWaiting();
        await runInterrupted(on, { at, when, how });
        on.litellm.faults = () => undefined;
        expect(await readState(on, company.people), `${how} ${when} call ${at}`).toEqual(wanted);
        expect(writesOf(await compareAll(on))).toEqual([]);
        expect(on.litellm.stowaways).toEqual([]);
        expect(on.litellm.teams.get(groupAt(0))?.members.size).toBe(company.people + 1);
      }
    },
    240_000,
  );
});
