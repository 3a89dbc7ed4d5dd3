/** Whether memory grows with what was done: the heap after 50,000 sign-ins and 50,000 provisionings, against after 1,000. */
import { join } from 'node:path';
import { buildApp } from '../../dev/build/build.ts';
import { type Child, startChild } from '../../dev/emulator/childProcess.ts';
import { CLIENT_ID, PUBLIC_URL, TENANT_ID } from '../support/signInDoubles.ts';
import { correlatedSlope } from './correlatedSlope.ts';
import { startLightStorage } from './lightStorage.ts';
import { type MemoryEntra, startMemoryEntra } from './memoryEntra.ts';
import {
  FULL_PLAN,
  MEMORY_KINDS,
  type MemoryKind,
  type MemoryResult,
  memoryResultSchema,
  type MemorySample,
  QUICK_PLAN,
} from './memoryPlan.ts';
import type { BenchContext, Figure, Goal, Measurement, Section } from './report.ts';
import { atMost, type Slope } from './stats.ts';

/** Whoever keeps anything of an operation keeps at least a pointer to it. */
const POINTER_BYTES = 8;

/** The build and the start of the processes. */
const SECONDS_AROUND = 8;

function appSettings(connectionString: string, entra: MemoryEntra): Readonly<Record<string, string>> {
  return {
    AzureWebJobsStorage: connectionString,
    NODE_OPTIONS: '--expose-gc',
    NODE_EXTRA_CA_CERTS: entra.caFile,
    PUBLIC_URL,
    DEVELOPMENT_ENDPOINTS: 'true',
    DEVELOPMENT_ENTRA_URL: entra.url,
    // Nobody here is in so many groups that Graph would be asked.
    DEVELOPMENT_GRAPH_URL: `${entra.url}/v1.0`,
    MICROSOFT_TENANT: TENANT_ID,
    MICROSOFT_CLIENT_ID: CLIENT_ID,
    MICROSOFT_CLIENT_SECRET: 'client-secret',
    MICROSOFT_SERVICE_PRINCIPAL_ID: '33333333-3333-4333-8333-333333333333',
    ENTRA_GROUPS_CLAIM: 'ApplicationGroup',
    ENTRA_GROUPS_ALSO_CREATE_ORGS: 'true',
  };
}

interface Grown {
  readonly kind: MemoryKind;
  readonly samples: readonly MemorySample[];
  /** The heap without compiled code, while V8 compiles nothing: what is judged. */
  readonly kept: Slope;
  /** The same from the first 1,000 on, while V8 still compiles: its lists of what code relies on are in it. */
  readonly keptFromFirst: Slope;
  readonly outside: Slope;
  readonly cpuMs: number;
}

function slopeOf(samples: readonly MemorySample[], bytes: (sample: MemorySample) => number): Slope {
  return correlatedSlope(samples.map((sample) => ({ x: sample.operations, y: bytes(sample) })));
}

/** Compiled code can only become less once nothing is compiled, which would hide what is kept. */
function withoutCode({ heapUsed, code }: MemorySample): number {
  return heapUsed - code;
}

interface Subject {
  readonly appDir: string;
  readonly settings: Readonly<Record<string, string>>;
}

async function measureKind(context: BenchContext, kind: MemoryKind, subject: Subject): Promise<Grown> {
  const plan = context.quick ? QUICK_PLAN : FULL_PLAN;
  const startMs = performance.now();
  const child: Child<MemoryResult> = await startChild({
    name: `${kind} process`,
    modulePath: join(import.meta.dirname, 'memoryChild.ts'),
    args: [
      kind,
      subject.appDir,
      String(plan.operations),
      String(plan.between),
      String(context.budgetSeconds - SECONDS_AROUND),
    ],
    env: subject.settings,
    // Its one line is the result.
    readySchema: memoryResultSchema,
    readyTimeoutMs: 900_000,
  });
  await child.stop();
  const seconds = ((performance.now() - startMs) / 1000).toFixed(0);
  // What the first thousand leaves is code and caches that are then there.
  const samples = child.ready.samples.filter(({ operations }) => operations >= 1_000);
  const settled = samples.filter((sample) => sample.settled);
  const operations = samples.at(-1)?.operations ?? 0;
  context.log(`${kind}: ${operations} in ${seconds} s`);
  return {
    kind,
    samples,
    kept: slopeOf(settled, withoutCode),
    keptFromFirst: slopeOf(samples, withoutCode),
    outside: slopeOf(settled, ({ external }) => external),
    cpuMs: child.ready.cpuMs / operations,
  };
}

const NAMES: Readonly<Record<MemoryKind, string>> = { signIn: 'sign-in', provisioning: 'provisioning' };

function mebibytes(bytes: number | undefined): string {
  return ((bytes ?? 0) / 1024 / 1024).toFixed(2);
}

function withError({ slope, standardError }: Slope): string {
  return `${slope.toFixed(2)} ± ${standardError.toFixed(2)}`;
}

/**
 * Gives the goals of one kind: reached where the most that the line allows, its slope and twice its error, is below a pointer. So
 * a noisy line does not reach it either.
 */
export function memoryGoals({
  kind,
  kept,
  outside,
}: Pick<Grown, 'kind' | 'kept' | 'outside'>): readonly Goal[] {
  const mostOf = ({ slope, standardError }: Slope): number => slope + 2 * standardError;
  return [
    atMost(
      `bytes of heap kept a ${NAMES[kind]}, at most (slope + 2 errors; a pointer is 8)`,
      mostOf(kept),
      POINTER_BYTES - 1,
    ),
    atMost(
      `bytes outside the heap kept a ${NAMES[kind]}, at most (slope + 2 errors)`,
      mostOf(outside),
      POINTER_BYTES - 1,
    ),
  ];
}

function figureOfSlope({ kind, kept, samples }: Grown): Figure {
  return {
    name: `heap kept a ${NAMES[kind]}`,
    unit: 'bytes',
    median: kept.slope,
    low: kept.slope - 2 * kept.standardError,
    high: kept.slope + 2 * kept.standardError,
    samples: samples.filter(({ settled }) => settled).length,
  };
}

function memorySection(grown: readonly Grown[]): Section {
  return {
    id: 'memory',
    title: 'Memory',
    against: 'the same process after its first 1,000',
    columns: [
      'what',
      'how many',
      'heap after the first 1,000, MiB',
      'heap halfway, MiB',
      'heap at the end, MiB',
      'kept a piece, second half, bytes ± error',
      'from 1,000 on, bytes ± error',
      'outside a piece, bytes ± error',
      'whole process at the end, MiB',
      'CPU a piece, ms',
    ],
    rows: grown.map(({ kind, samples, kept, keptFromFirst, outside, cpuMs }) => [
      NAMES[kind],
      String(samples.at(-1)?.operations ?? 0),
      mebibytes(samples[0]?.heapUsed),
      mebibytes(samples.find(({ settled }) => settled)?.heapUsed),
      mebibytes(samples.at(-1)?.heapUsed),
      withError(kept),
      withError(keptFromFirst),
      withError(outside),
      mebibytes(samples.at(-1)?.rss),
      cpuMs.toFixed(2),
    ]),
    notes: [
      'The built bundle’s own functions, called as the worker does, in a process each with `--expose-gc`; 8 at once.',
      'Sign-in: `/sso/login`, then `/sso/callback`, each time another person. Provisioning: of twenty messages eighteen are unchanged, one moves to another group, one is somebody’s first.',
      'Entra (https), tables and queue (http) are answered in another process, by servers that cost little: whoever asks is measured, and an Azurite would take half of the machine.',
      'Kept: the heap without compiled code. The line that is judged is that of the second half, in which V8 is told to compile nothing more: its lists of what compiled code relies on are no trace of an operation, but look like one.',
      'Bytes after three forced collections, every 1,000. Errors count looks that follow one another as alike as they are.',
      'At most 50,000 of each: a machine that is too slow for them stops when the time is up.',
    ],
    goals: grown.flatMap(memoryGoals),
    figures: grown.map(figureOfSlope),
  };
}

/** Heap and what is outside of it, as sign-ins and provisionings go on. */
export const memory: Measurement = {
  id: 'memory',
  title: 'Memory',
  budgetSeconds: 205,
  async run(context) {
    const appDir = join(context.tempDir, 'app');
    await buildApp({ outdir: appDir });
    const [storage, entra] = await Promise.all([startLightStorage(), startMemoryEntra(context.tempDir)]);
    try {
      const subject = { appDir, settings: appSettings(storage.connectionString, entra) };
      // Side by side: each is a process of its own, and neither's time is the result.
      const grown = await Promise.all(MEMORY_KINDS.map((kind) => measureKind(context, kind, subject)));
      return [memorySection(grown)];
    } finally {
      storage.close();
      entra.close();
    }
  },
};
