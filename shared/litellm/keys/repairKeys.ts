/** The daily job about people's keys: what is due, what somebody opened, and what has no membership behind it. */
import { addCounts, type KeyCounts, type KeyReport } from '../../model/restingKeys.ts';
import { inParallel } from '../../platform/inParallel.ts';
import { type SyncRequests, enqueueSync } from '../../queue/queueMessage.ts';
import { dayOf, decideDeletion, type DueDecision } from './decideDue.ts';
import {
  isAboutPerson,
  lookAtKeys,
  type ParkedInLitellm,
  type PersonWithKeys,
  readParked,
  readPeopleWithKeys,
  settlePeople,
} from './deleteDueKeys.ts';
import { parkStrayKeys, type StrayDeps } from './findStrayKeys.ts';

const PARALLEL_READS = 16;

export interface RepairKeysDeps extends StrayDeps {
  readonly requests: SyncRequests;
}

export interface RepairedKeys {
  readonly counts: KeyCounts;
  readonly report: KeyReport;
}

interface Looked {
  readonly due: readonly string[];
  readonly unconfirmed: number;
  readonly people: readonly PersonWithKeys[];
}

/** Looks at everyone in the index, without a lease and without a request to LiteLLM. */
async function lookAtAll(
  deps: Pick<StrayDeps, 'record' | 'store' | 'clock'>,
  parked: ParkedInLitellm,
): Promise<Looked> {
  const everyone = await readPeopleWithKeys(deps);
  const looks = await inParallel(everyone, PARALLEL_READS, async (person) => {
    try {
      return { person, look: await lookAtKeys(deps, person, parked) };
    } catch (error) {
      if (isAboutPerson(error)) return undefined;
      throw error;
    }
  });
  const found = looks.filter((each) => each !== undefined);
  return {
    due: found.flatMap(({ look }) => look.due),
    unconfirmed: found.reduce((sum, { look }) => sum + look.unconfirmed, 0),
    people: found.filter(({ look }) => look.needsWork || look.due.length > 0).map(({ person }) => person),
  };
}

/** How many keys rest, and how many of them are due. */
export interface RestingCounts {
  readonly parked: number;
  readonly due: number;
  readonly unconfirmed: number;
  /** Present if the daily job would hold the due keys back. */
  readonly heldBack?: DueDecision['heldBack'];
}

/** Counts what rests and what is due. Changes nothing. */
export async function countRestingKeys(
  deps: Pick<StrayDeps, 'record' | 'store' | 'clock' | 'litellm' | 'keys'>,
): Promise<RestingCounts> {
  const parked = await readParked(deps);
  const { due, unconfirmed } = await lookAtAll(deps, parked);
  const { heldBack } = decideDeletion({
    due,
    parked: parked.size,
    last: await deps.record.due.findReport(),
    acceptVersion: deps.keys.acceptVersion,
    now: deps.clock.now(),
  });
  const counts = { parked: parked.size, due: due.length + unconfirmed, unconfirmed };
  return heldBack === undefined ? counts : { ...counts, heldBack };
}

/**
 * Deletes what is due, unless it is too much at once; parks again what somebody opened, and stray keys; asks for a sync of people whose
 * keys should return; and writes the report for the health detail. Nothing is due before a sign-in or a read of the directory after the
 * parking has shown that the group is still missing. Can be repeated. Throws what LiteLLM and the store throw.
 */
export async function repairKeys(deps: RepairKeysDeps): Promise<RepairedKeys> {
  const { record } = deps;
  const parked = await readParked(deps);
  const last = await record.due.findReport();
  const now = deps.clock.now();
  const looked = await lookAtAll(deps, parked);
  const { due } = looked;
  const { acceptVersion } = deps.keys;
  const decision = decideDeletion({ due, parked: parked.size, last, acceptVersion, now });
  const base: KeyReport = {
    checkedAt: now.toISOString(),
    parked: parked.size,
    due: due.length + looked.unconfirmed,
    unconfirmed: looked.unconfirmed,
    ...(decision.heldBack === undefined ? {} : { heldBack: decision.heldBack }),
    // Before the first deletion: after a crash, the next run must not count from 0.
    deleted: { day: dayOf(now), keys: decision.deletedToday + decision.allowed.length },
    withoutOwner: last?.withoutOwner ?? 0,
    strays: last?.strays ?? { parked: 0, leftAlone: 0 },
    closedWithKeys: last?.closedWithKeys ?? 0,
  };
  await record.due.writeReport(base);
  const allowed = new Set(decision.allowed);
  const mayDelete = (hash: string): boolean => allowed.has(hash);
  const settled = await settlePeople(deps, looked.people, { parked, mayDelete });
  for (const userId of settled.toSync) await enqueueSync(deps.requests, { kind: 'user', id: userId });
  const strays = await parkStrayKeys(deps);
  const { withoutOwner, leftAlone, closedWithKeys } = strays;
  const found = { parked: strays.counts.parked, leftAlone };
  const report = { ...base, withoutOwner, strays: found, closedWithKeys };
  await record.due.writeReport(report);
  return { counts: addCounts(settled.counts, strays.counts), report };
}
