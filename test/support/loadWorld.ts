/** Companies whose people are provisioned and not in LiteLLM yet, and the repair that loads them. */
import type { SyncDeps, SyncResult } from '../../shared/litellm/syncDeps.ts';
import { repairLitellm, type Repaired } from '../../shared/litellm/repairLitellm.ts';
import { sync } from '../../shared/litellm/sync.ts';
import { parseSyncMessage } from '../../shared/queue/queueMessage.ts';
import { compareDeps } from './litellmEdits.ts';
import { createSyncWorld, type SyncWorld, type SyncWorldOptions } from './syncWorld.ts';
import { message } from './world.ts';

export interface Company extends SyncWorldOptions {
  readonly people: number;
  readonly groups: number;
  /** How many groups each person is in. */
  readonly groupsEach: number;
}

const nameOf = (prefix: string, number: number): string => `${prefix}-${String(number).padStart(4, '0')}`;
export const personAt = (number: number): string => nameOf('person', number);
export const groupAt = (number: number): string => nameOf('group', number);

export function groupsOf({ groups, groupsEach }: Company, person: number): readonly string[] {
  const step = Math.floor(groups / groupsEach);
  return Array.from({ length: groupsEach }, (_, index) => groupAt((person + index * step) % groups));
}

/** Provisions everyone. No sync has run. */
export async function createCompany(company: Company): Promise<SyncWorld> {
  const assigned = Array.from({ length: company.groups }, (_, number) => groupAt(number));
  const on = createSyncWorld({ ...company, assigned: assigned.map((id) => ({ id, displayName: id })) });
  await on.refresh();
  for (let number = 0; number < company.people; number += 1) {
    const userId = personAt(number);
    const groups = groupsOf(company, number);
    await on.provision(message({ userId, email: `${userId}@company.com`, name: userId, groups }));
  }
  on.waiting.length = 0;
  return on;
}

export async function repair(on: SyncWorld, { queue, clock, record, litellm } = on.deps): Promise<Repaired> {
  const requests = { queue, clock, traceparent: () => undefined };
  return repairLitellm({ ...compareDeps(on), litellm, record, requests });
}

/** A message that is never done would go on for ever. */
const MOST_MESSAGES = 2_000;
/** As in host.json. */
const MOST_DELIVERIES = 5;
const DELIVERED_AGAIN_AFTER_SECONDS = 30;

/** Runs every waiting message, the one that is visible first before the others. One that throws is delivered again. */
export async function runAll(
  on: SyncWorld,
  workerOf: () => SyncDeps = () => on.deps,
): Promise<readonly SyncResult[]> {
  const { clock } = on.world;
  const results: SyncResult[] = [];
  const nowMs = (): number => clock.now().getTime();
  const visible = new Map<object, number>();
  const attempts = new Map<object, number>();
  const visibleAt = (each: { readonly delaySeconds: number }): number => {
    const at = visible.get(each) ?? nowMs() + each.delaySeconds * 1000;
    visible.set(each, at);
    return at;
  };
  for (let count = 0; on.waiting.length > 0; count += 1) {
    if (count > MOST_MESSAGES) throw new Error('The queue never becomes empty.');
    for (const each of on.waiting) visibleAt(each);
    on.waiting.sort((a, b) => visibleAt(a) - visibleAt(b));
    const next = on.waiting.shift();
    if (next === undefined) break;
    clock.advance(Math.max(0, visibleAt(next) - nowMs()));
    const attempt = (attempts.get(next) ?? 0) + 1;
    try {
      results.push(await sync(workerOf(), parseSyncMessage(next.text), { attempt }));
    } catch (error) {
      if (attempt >= MOST_DELIVERIES) throw error;
      attempts.set(next, attempt);
      visible.set(next, nowMs() + DELIVERED_AGAIN_AFTER_SECONDS * 1000);
      on.waiting.push(next);
    }
  }
  return results;
}

/** Returns everything that LiteLLM has, and what is recorded of these people, in a comparable form. */
export async function readState(on: SyncWorld, people: number): Promise<unknown> {
  const sorted = <T>(map: ReadonlyMap<string, T>): readonly (readonly [string, T])[] =>
    [...map].sort(([a], [b]) => (a < b ? -1 : 1));
  const records = [];
  for (let number = 0; number < people; number += 1) {
    const { user, teams, organizations } = await on.deps.record.readPerson(personAt(number));
    const lines = [teams, organizations].map((map) =>
      sorted(map).map(([id, { state, role }]) => `${id} ${state} ${role}`),
    );
    records.push([personAt(number), user?.written, ...lines]);
  }
  const { organizations, teams } = on.litellm;
  const entities = [...sorted(organizations), ...sorted(teams)].map(([id, { values, members }]) => [
    id,
    values,
    sorted(members),
  ]);
  return { entities, users: sorted(on.litellm.users), records };
}
