/** Requests a sign-in and a provisioning, counted as they leave the process, beside what the formulas say. */
import { inParallel } from '../../shared/platform/inParallel.ts';
import type { InlineMessage } from '../../shared/queue/provisionMessage.ts';
import { baselineRequests } from './baseline/signInBaseline.ts';
import { provisionBaseline } from './baseline/provisionBaseline.ts';
import { formatNumber } from './formatNumber.ts';
import type { BenchContext, Figure, Measurement, Section } from './report.ts';
import {
  ourFirstProvisioningRequests,
  ourLeavingRequests,
  ourRepeatRequests,
  ourSignInRequests,
  type Requests,
} from './requestFormulas.ts';
import { type Counted, openRequestWorld, type RequestWorld, WARM_UP_GROUPS } from './requestWorld.ts';
import { groupIdOf, loginOf } from './signInTenant.ts';
import { atMost, logLogSlope } from './stats.ts';

/** People of each kind; the one that {@link openRequestWorld} warms up with is among them. */
const PEOPLE = 10;
/** Who is measured: nobody else signs in as they do. */
const FIRST_PERSON = 0;
const PERSON_IN_FULL_TEAMS = 1;

/** One line of the table. */
export interface RequestRow {
  readonly what: RequestKind;
  readonly groups: number;
  /** Those of the groups that had no team yet; ours knows none such, as the timer makes them. */
  readonly newGroups: number;
  readonly assignedGroups: number;
  /** Who was in each of the person's groups before. */
  readonly people: number;
  readonly counted: Counted;
  readonly formula: Requests;
}

export type RequestKind =
  | 'ours: sign-in'
  | 'ours: first provisioning'
  | 'ours: unchanged repeat'
  | 'ours: one group left'
  | 'baseline: sign-in, teams new'
  | 'baseline: sign-in again';

/** What is counted in one tenant: people in so many groups each, ascending. */
export interface RequestCase {
  readonly assignedGroups: number;
  readonly groupCounts: readonly number[];
  /** So many others are put into 10 groups, and one more person is counted there. Default: none. */
  readonly others?: number;
  /** Counts the baseline while its teams are new only: with many groups it is slow. */
  readonly baselineOnce?: boolean;
}

const cases: readonly RequestCase[] = [
  { assignedGroups: 100, groupCounts: [1, 10, 100], others: 20 },
  { assignedGroups: 300, groupCounts: [10, 200, 250] },
  { assignedGroups: 1200, groupCounts: [10, 1200], baselineOnce: true },
];
const quickCases: readonly RequestCase[] = [{ assignedGroups: 100, groupCounts: [1, 10, 100], others: 3 }];

export const requestTable: Measurement = {
  id: 'requests',
  title: 'Requests',
  budgetSeconds: 40,
  async run(context) {
    const endMs = performance.now() + context.budgetSeconds * 1000;
    const rows: RequestRow[] = [];
    for (const each of context.quick ? quickCases : cases) {
      // Counting needs no rounds, but a crowded machine takes long for the large tenant.
      if (performance.now() > endMs) {
        context.log(`left out for lack of time: ${each.assignedGroups} groups assigned`);
        continue;
      }
      context.log(`${each.assignedGroups} groups assigned`);
      rows.push(...(await countRequests(context, each)));
    }
    return [renderRows(rows), renderFormulas()];
  },
};

/** Counts everything in a fresh tenant and a fresh storage. */
export async function countRequests(
  context: BenchContext,
  plan: RequestCase,
): Promise<readonly RequestRow[]> {
  const groupCounts = [...new Set([WARM_UP_GROUPS, ...FULL_TEAMS, ...plan.groupCounts])];
  const world = await openRequestWorld(context, {
    assignedGroups: plan.assignedGroups,
    peopleByGroups: new Map(groupCounts.map((groups) => [groups, PEOPLE])),
  });
  try {
    const rows: RequestRow[] = [];
    let teams = 0;
    for (const groups of plan.groupCounts) {
      const person = { ...plan, groups, people: 0, login: loginOf(groups, FIRST_PERSON) };
      rows.push(...(await countOurs(world, person)), ...(await countBaseline(world, person, groups - teams)));
      teams = groups;
    }
    if (plan.others !== undefined) {
      const groups = FULL_TEAMS[0];
      await fillTeams(world, groups, plan.others);
      const login = loginOf(groups, PERSON_IN_FULL_TEAMS);
      const person = { ...plan, groups, people: plan.others, login };
      rows.push(...(await countOurs(world, person)), ...(await countBaseline(world, person, 0)));
    }
    return rows;
  } finally {
    await world.close();
  }
}

const FULL_TEAMS = [10] as const;

interface Person extends Pick<RequestRow, 'groups' | 'assignedGroups' | 'people'> {
  readonly login: string;
  readonly baselineOnce?: boolean;
}

function rowOf(
  { groups, assignedGroups, people }: Person,
  row: Pick<RequestRow, 'what' | 'counted' | 'formula'> & { readonly newGroups?: number },
): RequestRow {
  return { groups, assignedGroups, people, newGroups: 0, ...row };
}

async function countOurs(world: RequestWorld, person: Person): Promise<readonly RequestRow[]> {
  const first = await world.signIn(person.login);
  const size = { groups: person.groups, parked: 'parked' in first.message };
  const provisioned = await world.provision(first.message);
  const again = await world.signIn(person.login);
  const repeated = await world.provision(again.message);
  const rows = [
    rowOf(person, { what: 'ours: sign-in', counted: first.counted, formula: ourSignInRequests(size) }),
    rowOf(person, {
      what: 'ours: first provisioning',
      counted: provisioned,
      formula: ourFirstProvisioningRequests(size),
    }),
    rowOf(person, { what: 'ours: unchanged repeat', counted: repeated, formula: ourRepeatRequests(size) }),
  ];
  if ('parked' in again.message) return rows;
  const left = await world.provision(withoutLastGroup(again.message));
  return [
    ...rows,
    rowOf(person, { what: 'ours: one group left', counted: left, formula: ourLeavingRequests(size) }),
  ];
}

/** The same person, seen a minute later in one group less. */
function withoutLastGroup(message: InlineMessage): InlineMessage {
  const laterMs = Date.parse(message.observed_at) + 60_000;
  return {
    ...message,
    id: `${message.id}-later`,
    observed_at: new Date(laterMs).toISOString(),
    group_ids: message.group_ids.slice(0, -1),
  };
}

async function countBaseline(
  world: RequestWorld,
  person: Person,
  newGroups: number,
): Promise<readonly RequestRow[]> {
  const { groups, assignedGroups } = person;
  const size = { groups, assignments: assignedGroups, memberships: groups };
  const count = async (what: RequestKind, fresh: number): Promise<RequestRow> =>
    rowOf(person, {
      what,
      newGroups: fresh,
      counted: await world.signInBaseline(person.login),
      formula: baselineRequests({ ...size, newGroups: fresh }),
    });
  const rows = newGroups === 0 ? [] : [await count('baseline: sign-in, teams new', newGroups)];
  if (person.baselineOnce === true && rows.length > 0) return rows;
  return [...rows, await count('baseline: sign-in again', 0)];
}

/** Puts others into the same teams, both ways, uncounted. */
async function fillTeams(world: RequestWorld, groups: number, people: number): Promise<void> {
  const { message } = await world.signIn(loginOf(groups, PEOPLE - 1));
  if ('parked' in message) throw new Error('That list needs no parking');
  const teams = Array.from({ length: groups }, (_, group) => ({
    id: groupIdOf(group),
    displayName: `Group ${group}`,
  }));
  const others = Array.from({ length: people }, (_, index) => `other-${index}`);
  await inParallel(others, 1, async (userId) => {
    const person = { ...message.person, user_id: userId, user_email: `${userId}@company.com` };
    await world.provision({ ...message, id: `of-${userId}`, person });
    await provisionBaseline(world.tables, { userId, email: `${userId}@company.com` }, teams);
  });
}

function isAsComputed({ counted, formula }: RequestRow): boolean {
  return (['token', 'graph', 'queue', 'table'] as const).every((key) => counted[key] === formula[key]);
}

function renderRows(rows: readonly RequestRow[]): Section {
  const wrong = rows.filter((row) => !isAsComputed(row)).length;
  return {
    id: 'requests',
    title: 'Requests, counted',
    against: 'the baseline, which provisions within the sign-in',
    columns: [
      'what',
      'groups',
      'assigned',
      'people',
      'token',
      'Graph',
      'queue',
      'tables',
      'table bytes',
      'formula',
    ],
    rows: rows.map((row) => [
      row.what,
      row.newGroups === 0 ? String(row.groups) : `${row.groups} (${row.newGroups} new)`,
      ...[row.assignedGroups, row.people].map(String),
      ...[row.counted.token, row.counted.graph, row.counted.queue, row.counted.table].map(String),
      formatNumber(row.counted.tableBytes),
      isAsComputed(row)
        ? 'the same'
        : `${row.formula.token} ${row.formula.graph} ${row.formula.queue} ${row.formula.table}`,
    ]),
    goals: [atMost('rows that differ from their formula', wrong, 0)],
    figures: growthOf(rows),
    notes: [
      'Counted on the wire: the emulator’s record and a proxy before each storage service, on warm instances. The queue trigger’s own receive and delete come on top of a provisioning.',
      '“People”: how many others were in each of the groups before. Teams and organizations of new groups are made by the timer, not by a sign-in.',
      'Table bytes: what was sent to the tables. The baseline writes a whole team to add a member, so its bytes grow with the team.',
    ],
  };
}

/** The exponent with which the table requests grow with the groups. */
function growthOf(rows: readonly RequestRow[]): readonly Figure[] {
  const kinds = ['ours: first provisioning', 'ours: unchanged repeat', 'baseline: sign-in again'] as const;
  return kinds.flatMap((what) => {
    const points = rows.filter((row) => row.what === what && row.people === 0);
    if (new Set(points.map(({ groups }) => groups)).size < 2) return [];
    const { slope } = logLogSlope(points.map(({ groups, counted }) => ({ x: groups, y: counted.table })));
    return [
      {
        name: `${what}: exponent of table requests over groups`,
        unit: 'ratio' as const,
        median: slope,
        low: slope,
        high: slope,
        samples: points.length,
      },
    ];
  });
}

function renderFormulas(): Section {
  return {
    id: 'request-formulas',
    title: 'Requests, as formulas',
    against:
      'the baseline; g groups of the person, a groups assigned, n of the person’s groups without a team',
    columns: ['what', 'token', 'Graph', 'queue', 'tables'],
    rows: [
      ['ours: sign-in, up to 200 groups', '1', '0', '1', '0'],
      ['ours: sign-in, above', '1', '⌈g / 999⌉', '1', '0; 1 from 44 KiB of ids on'],
      ['ours: first provisioning', '0', '0', '0', '3 + 2⌈g / 100⌉ + 2⌈g / 99⌉'],
      ['ours: unchanged repeat', '0', '0', '0', '2'],
      ['ours: one group left', '0', '0', '0', '7 + 2⌈(g + 1) / 1000⌉'],
      ['baseline: sign-in', '1', '1 + ⌈a / 100⌉ + ⌈g / 100⌉', '0', '3g + n + 2'],
    ],
    goals: [],
    figures: [],
    notes: ['A parked list costs its provisioning 2 more: it is read and removed.'],
  };
}
