/** What the simulations say, as figures and tables. Pure. */
import { logLogSlope, type Slope } from '../stats.ts';
import type { TableSize } from './measureTables.ts';
import { KINDS, type PeakPartition, PURPOSES } from './requestLedger.ts';
import { type Phase, type SimulationResult, sumRequests } from './simulation.ts';

/** A table of the report: columns, then rows of the same length. */
export interface ReportTable {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** How something grows with the number of people: 0 not at all, 1 in proportion. */
export interface Growth {
  readonly what: string;
  readonly values: readonly { readonly people: number; readonly value: number }[];
  readonly slope: Slope;
}

function fixed(value: number, digits = 1): string {
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en');
}

function requirePhase(result: SimulationResult, name: Phase['name']): Phase {
  const phase = result.phases.find((one) => one.name === name);
  if (phase === undefined) throw new Error(`The simulation has no phase ${name}`);
  return phase;
}

function requireSize(result: SimulationResult, table: string): TableSize {
  const size = result.sizes.find((one) => one.table === table);
  if (size === undefined) throw new Error(`The table ${table} was not measured`);
  return size;
}

/** Requests of one phase by what they were for, in all and for each sign-in. */
export function requestsTable(result: SimulationResult): ReportTable {
  const rows = result.phases.flatMap((phase) => {
    const per = (count: number): string => fixed(count / phase.signIns, 2);
    const queue = { put: phase.outside.queuePuts, receive: phase.queueReceives, delete: phase.queueDeletes };
    const ofPurpose = PURPOSES.flatMap((purpose) => {
      const counts = phase.counts.filter((count) => count.purpose === purpose);
      if (counts.length === 0) return [];
      const ofKind = KINDS.map((kind) => per(sumRequests(counts.filter((count) => count.kind === kind))));
      return [[phase.name, purpose, ...ofKind, per(sumRequests(counts)), whole(sumRequests(counts))]];
    });
    return [
      ...ofPurpose,
      [
        phase.name,
        'queue',
        '',
        '',
        '',
        '',
        per(queue.put + queue.receive + queue.delete),
        `${whole(queue.put)} + ${whole(queue.receive)} + ${whole(queue.delete)}`,
      ],
      [phase.name, 'Entra token', '', '', '', '', per(phase.outside.token), whole(phase.outside.token)],
    ];
  });
  return {
    title: `Requests per sign-in, ${whole(result.people)} people (queue: put + receive + delete)`,
    columns: ['phase', 'for', ...KINDS, 'all', 'in all'],
    rows,
  };
}

/** What a phase did. */
export function phasesTable(results: readonly SimulationResult[]): ReportTable {
  return {
    title: 'What was run',
    columns: [
      'people',
      'groups',
      'phase',
      'signed in',
      'memberships',
      'granted',
      'removed',
      'runs',
      'real s',
      'CPU ms each',
    ],
    rows: results.flatMap((result) =>
      result.phases.map((phase) => [
        whole(result.people),
        whole(result.groups),
        phase.name,
        whole(phase.signIns),
        whole(phase.memberships),
        whole(phase.granted),
        whole(phase.removed),
        Object.entries(phase.results)
          .map(([status, count]) => `${whole(count)} ${status}`)
          .join(', '),
        fixed(phase.realSeconds),
        fixed((phase.cpuSeconds * 1000) / phase.signIns),
      ]),
    ),
  };
}

/** Every third simulated minute of the largest company. */
export function throughputTable(result: SimulationResult): ReportTable {
  return {
    title: `Throughput over simulated time, ${whole(result.people)} people`,
    columns: [
      'phase',
      'minute',
      'sign-ins/s',
      'table requests/s',
      'real sign-ins/s',
      'heap MB',
      'resident MB',
    ],
    rows: result.minutes
      .filter(({ minute }) => minute % 3 === 0)
      .map((minute) => [
        minute.phase,
        String(minute.minute),
        fixed(minute.signIns / 60),
        fixed(Object.values(minute.requests).reduce((total, count) => total + count, 0) / 60),
        fixed(minute.signIns / minute.realSeconds),
        fixed(minute.heapBytes / 2 ** 20),
        fixed(minute.residentBytes / 2 ** 20),
      ]),
  };
}

/** Rows and bytes of every table, and its largest partition. */
export function sizesTable(result: SimulationResult): ReportTable {
  return {
    title: `What stands in the store, ${whole(result.people)} people`,
    columns: ['table', 'rows', 'MB', 'bytes/row', 'partitions', 'largest: rows', 'largest: KB'],
    rows: result.sizes.map(({ table, rows, bytes, partitions, largest }) => [
      table,
      whole(rows),
      fixed(bytes / 1e6),
      rows === 0 ? '' : whole(bytes / rows),
      whole(partitions),
      whole(largest.rows),
      fixed(largest.bytes / 1e3),
    ]),
  };
}

/** The busiest partition of every table, over both phases. */
export function peaksTable(result: SimulationResult): ReportTable {
  const busiest = new Map<string, PeakPartition & { readonly phase: string }>();
  for (const phase of result.phases) {
    for (const peak of phase.peaks) {
      const known = busiest.get(peak.table);
      if (known === undefined || known.entitiesPerSecond < peak.entitiesPerSecond)
        busiest.set(peak.table, { ...peak, phase: phase.name });
    }
  }
  return {
    title: `Busiest partition of every table in its busiest minute, ${whole(result.people)} people (pages are a sample, so rather too high)`,
    columns: ['table', 'partition', 'phase', 'requests/s', 'rows/s', 'of 2,000 rows/s'],
    rows: [...busiest.values()]
      .sort((a, b) => b.entitiesPerSecond - a.entitiesPerSecond)
      .map((peak) => [
        peak.table,
        peak.partitionKey,
        peak.phase,
        fixed(peak.requestsPerSecond, 2),
        fixed(peak.entitiesPerSecond, 2),
        `${fixed(peak.entitiesPerSecond / 20, 2)} %`,
      ]),
  };
}

const SIZES_OF: Readonly<Record<string, (result: SimulationResult) => number>> = {
  'memberships per person who signs in': (result) => {
    const { memberships, signIns } = requirePhase(result, 'monday');
    return memberships / signIns;
  },
  'table requests per first provisioning': (result) => {
    const { counts, signIns } = requirePhase(result, 'monday');
    return sumRequests(counts, 'provision') / signIns;
  },
  'table requests per person after the reorganisation': (result) => {
    const { counts, signIns } = requirePhase(result, 'reorganized');
    return sumRequests(counts, 'provision') / signIns;
  },
  'table requests per page view': (result) => {
    const { counts, pagesViewed } = requirePhase(result, 'monday');
    return sumRequests(counts, 'page') / pagesViewed;
  },
  'timer: table requests per tick': (result) =>
    sumRequests(requirePhase(result, 'monday').counts, 'timer') / 3,
  'bytes per person who signed in': (result) => {
    const bytes = result.sizes.reduce((total, size) => total + size.bytes, 0);
    return bytes / requirePhase(result, 'monday').signIns;
  },
  'bytes per membership': (result) => {
    const bytes = result.sizes.reduce((total, size) => total + size.bytes, 0);
    return bytes / requirePhase(result, 'reorganized').memberships;
  },
  'rows in all': (result) => result.sizes.reduce((total, size) => total + size.rows, 0),
  'largest partition: the index of team members': (result) =>
    requireSize(result, 'LiteLLMTeamMembers').largest.rows,
  'largest partition: one person in a team table': (result) =>
    requireSize(result, 'LiteLLMTeamMembership').largest.rows,
  'largest partition: teams': (result) => requireSize(result, 'LiteLLMTeamTable').largest.rows,
  'accepted list, bytes of its row': (result) => requireSize(result, 'EntraAssignedGroups').bytes,
};

/** Gives how each figure grows over companies of different sizes. Throws for fewer than two. */
export function findGrowth(results: readonly SimulationResult[]): readonly Growth[] {
  return Object.entries(SIZES_OF).map(([what, measure]) => {
    const values = results.map((result) => ({ people: result.people, value: measure(result) }));
    return { what, values, slope: logLogSlope(values.map(({ people, value }) => ({ x: people, y: value }))) };
  });
}

/** The growth as a table: a column a size, then the exponent with twice its error. */
export function growthTable(growth: readonly Growth[]): ReportTable {
  const people = growth[0]?.values.map((one) => one.people) ?? [];
  return {
    title: 'What grows with the number of people, and how (exponent: 0 not at all, 1 in proportion)',
    columns: ['', ...people.map(whole), 'exponent'],
    rows: growth.map(({ what, values, slope }) => [
      what,
      ...values.map(({ value }) => (value < 100 ? fixed(value, 2) : whole(value))),
      `${slope.slope.toFixed(2)} ± ${(2 * slope.standardError).toFixed(2)}`,
    ]),
  };
}

/**
 * The heap at the beginning, at its highest and at the end of each morning. No slope: the heap follows the rate, which
 * falls towards the end, so a line through it would say more about the curve of arrivals than about what is kept.
 */
export function memoryTable(result: SimulationResult): ReportTable {
  const megabytes = (bytes: number | undefined): string => fixed((bytes ?? 0) / 2 ** 20);
  return {
    title: `Memory, MB (heap after a collection), ${whole(result.people)} people`,
    columns: ['phase', 'sign-ins', 'heap: first minute', 'highest', 'last minute', 'resident: last minute'],
    rows: result.phases.map((phase) => {
      const minutes = result.minutes.filter((minute) => minute.phase === phase.name);
      return [
        phase.name,
        whole(phase.signIns),
        megabytes(minutes.at(0)?.heapBytes),
        megabytes(Math.max(...minutes.map((minute) => minute.heapBytes))),
        megabytes(minutes.at(-1)?.heapBytes),
        megabytes(minutes.at(-1)?.residentBytes),
      ];
    }),
  };
}

/** Gives a table as text with aligned columns. */
export function renderTable({ title, columns, rows }: ReportTable): string {
  const widths = columns.map((column, index) =>
    Math.max(column.length, ...rows.map((row) => (row[index] ?? '').length)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, index) => (index === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[index] ?? 0)))
      .join('  ');
  return [title, line(columns), ...rows.map(line), ''].join('\n');
}
