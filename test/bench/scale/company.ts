/** An invented company: its people, its groups with sizes by a Zipf law, and the time of each sign-in. Pure, from a seed. */
import type { AssignedGroup } from '../../../shared/model/assignedGroups.ts';
import { guidOf } from '../../support/provisioningSubject.ts';

/** People per group: 2,000 groups at 100,000 people. */
const PEOPLE_PER_GROUP = 50;
const FEWEST_GROUPS = 10;

/** The number of groups of one person is log-normal. Half of the people have four or fewer, and a few have dozens. */
const MEDIAN_GROUPS = 4;
const GROUP_SPREAD = 0.8;
const MOST_GROUPS = 150;

export const MORNING_SECONDS = 30 * 60;

/** Most people sign in around a usual time, the others at any time. */
const PUNCTUAL_SHARE = 0.85;
const USUAL_SECOND = 13 * 60;
const USUAL_SPREAD_SECONDS = 6 * 60;

/** Returns numbers in [0, 1), the same for the same seed. */
export type Chance = () => number;

export interface Employee {
  readonly id: string;
  readonly groupIds: readonly string[];
}

export interface Company {
  readonly employees: readonly Employee[];
  readonly groups: readonly AssignedGroup[];
}

/** A person who signs in, and the time in seconds after the start of the morning. */
export interface Arrival {
  readonly employee: Employee;
  readonly second: number;
}

/** Creates a small generator (mulberry32). It is even enough for a simulation and the same on every machine. */
export function createChance(seed: number): Chance {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d_2b_79_f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Returns a value of the standard normal distribution (Box–Muller). */
function normal(chance: Chance): number {
  return Math.sqrt(-2 * Math.log(1 - chance())) * Math.cos(2 * Math.PI * chance());
}

/** Draws groups. The k-th group has 1/k of the first one's weight. */
function createGroupDraw(groups: readonly AssignedGroup[], chance: Chance): () => string {
  const upTo: number[] = [];
  let total = 0;
  for (const index of groups.keys()) upTo.push((total += 1 / (index + 1)));
  return () => {
    const wanted = chance() * total;
    let [low, high] = [0, upTo.length - 1];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((upTo[middle] ?? total) < wanted) low = middle + 1;
      else high = middle;
    }
    const group = groups[low];
    if (group === undefined) throw new Error('The company has no groups to draw from.');
    return group.id;
  };
}

/** Creates a company. Each person is in at least one group, and the largest group has about half of the people. */
export function createCompany(people: number, chance: Chance): Company {
  const groups = Array.from(
    { length: Math.max(FEWEST_GROUPS, Math.round(people / PEOPLE_PER_GROUP)) },
    (_, index) => ({
      id: guidOf(`group ${index}`),
      displayName: `Department ${String(index + 1).padStart(4, '0')}`,
    }),
  );
  const drawGroup = createGroupDraw(groups, chance);
  const most = Math.min(MOST_GROUPS, Math.floor(groups.length / 2));
  const employees = Array.from({ length: people }, (_, index) => {
    const wanted = Math.round(MEDIAN_GROUPS * Math.exp(GROUP_SPREAD * normal(chance)));
    const groupIds = new Set<string>();
    while (groupIds.size < Math.min(most, Math.max(1, wanted))) groupIds.add(drawGroup());
    return { id: guidOf(`person ${index}`), groupIds: [...groupIds] };
  });
  return { employees, groups };
}

/** Returns the company after `share` of the memberships have each moved to another group, drawn in the same way. */
export function reorganize(company: Company, share: number, chance: Chance): Company {
  const drawGroup = createGroupDraw(company.groups, chance);
  const employees = company.employees.map((employee) => {
    const leaving = employee.groupIds.filter(() => chance() < share);
    if (leaving.length === 0) return employee;
    const joined = new Set(employee.groupIds);
    while (joined.size < employee.groupIds.length + leaving.length) joined.add(drawGroup());
    return { id: employee.id, groupIds: [...joined].filter((id) => !leaving.includes(id)) };
  });
  return { ...company, employees };
}

function drawSecond(chance: Chance): number {
  if (chance() >= PUNCTUAL_SHARE) return chance() * MORNING_SECONDS;
  for (;;) {
    const second = USUAL_SECOND + USUAL_SPREAD_SECONDS * normal(chance);
    if (second >= 0 && second < MORNING_SECONDS) return second;
  }
}

/** Returns the people who sign in this morning: `share` of all, evenly chosen, in the order of arrival. */
export function drawMorning(company: Company, share: number, chance: Chance): readonly Arrival[] {
  const coming = company.employees.filter(
    (_, index) => Math.floor((index + 1) * share) > Math.floor(index * share),
  );
  return coming
    .map((employee) => ({ employee, second: drawSecond(chance) }))
    .sort((a, b) => a.second - b.second);
}

/** Returns the number of memberships of these people. */
export function countMemberships(employees: readonly Employee[]): number {
  return employees.reduce((total, employee) => total + employee.groupIds.length, 0);
}
