/** Whether memory grows with what was done: the heap after 50,000 sign-ins and 50,000 provisionings, against after 1,000. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { buildApp } from '../../dev/build.ts';
import { type Child, startChild } from '../../dev/stack/childProcess.ts';
import { CLIENT_ID, PUBLIC_URL, TENANT_ID } from '../support/signInDoubles.ts';
import {
  FULL_PLAN,
  MEMORY_KINDS,
  type MemoryKind,
  memoryResultSchema,
  type MemorySample,
  QUICK_PLAN,
} from './memoryPlan.ts';
import type { BenchContext, Figure, Goal, Measurement, Section } from './report.ts';
import { atMost, linearSlope, type Slope } from './stats.ts';

/** Whoever keeps anything of an operation keeps at least a pointer to it, 8 bytes; less than one is warming up. */
const NOISE_BYTES = 1;

/** The build and the start of the emulators. */
const SECONDS_AROUND = 8;

const QUEUE_ANSWER = `<?xml version="1.0" encoding="utf-8"?><QueueMessagesList><QueueMessage><MessageId>5974b586-0df3-4e2d-ad0c-18e3892bfca2</MessageId><InsertionTime>Mon, 23 Nov 2026 09:00:00 GMT</InsertionTime><ExpirationTime>Fri, 31 Dec 9999 23:59:59 GMT</ExpirationTime><PopReceipt>AgAAAAMAAAAAAAAA</PopReceipt><TimeNextVisible>Mon, 23 Nov 2026 09:00:00 GMT</TimeNextVisible></QueueMessage></QueueMessagesList>`;

/** Takes every message and forgets it: 50,000 of them would slow Azurite, whose memory is not what is measured. */
async function startForgetfulQueue(): Promise<{ readonly url: string; readonly server: Server }> {
  const server = createServer((request, response) => {
    request.resume().once('end', () => {
      response.writeHead(201, { 'Content-Type': 'application/xml' }).end(QUEUE_ANSWER);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('The queue listens nowhere');
  return { url: `http://127.0.0.1:${address.port}/devstoreaccount1`, server };
}

function appSettings(connectionString: string): Readonly<Record<string, string>> {
  return {
    AzureWebJobsStorage: connectionString,
    NODE_OPTIONS: '--expose-gc',
    PUBLIC_URL,
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
  readonly heap: Slope;
  readonly outside: Slope;
  readonly cpuMs: number;
}

function slopeOf(samples: readonly MemorySample[], bytes: (sample: MemorySample) => number): Slope {
  return linearSlope(samples.map((sample) => ({ x: sample.operations, y: bytes(sample) })));
}

async function measureKind(context: BenchContext, kind: MemoryKind, appDir: string): Promise<Grown> {
  const plan = context.quick ? QUICK_PLAN : FULL_PLAN;
  const [azurite, queue] = await Promise.all([context.startAzurite(), startForgetfulQueue()]);
  const connectionString = azurite.connectionString.replace(
    /QueueEndpoint=[^;]+/,
    `QueueEndpoint=${queue.url}`,
  );
  const startMs = performance.now();
  const child: Child<{ readonly samples: readonly MemorySample[]; readonly cpuMs: number }> =
    await startChild({
      name: `${kind} process`,
      modulePath: join(import.meta.dirname, 'memoryChild.ts'),
      args: [
        kind,
        appDir,
        String(plan.operations),
        String(plan.between),
        String(context.budgetSeconds - SECONDS_AROUND),
      ],
      env: appSettings(connectionString),
      // Its one line is the result.
      readySchema: memoryResultSchema,
      readyTimeoutMs: 900_000,
    });
  await child.stop();
  queue.server.close();
  queue.server.closeAllConnections();
  await azurite.stop();
  const seconds = ((performance.now() - startMs) / 1000).toFixed(0);
  // What the first thousand leaves is code and caches that are then there.
  const samples = child.ready.samples.filter(({ operations }) => operations >= 1_000);
  const operations = samples.at(-1)?.operations ?? 0;
  context.log(`${kind}: ${operations} in ${seconds} s`);
  return {
    kind,
    samples,
    heap: slopeOf(samples, ({ heapUsed }) => heapUsed),
    outside: slopeOf(samples, ({ external }) => external),
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

/** Gives the goals of one kind: reached where the line's slope is below twice its error, or below what a pointer takes. */
export function memoryGoals({
  kind,
  heap,
  outside,
}: Pick<Grown, 'kind' | 'heap' | 'outside'>): readonly Goal[] {
  const limitOf = (slope: Slope): number => Math.max(NOISE_BYTES, 2 * slope.standardError);
  return [
    atMost(`bytes of heap kept a ${NAMES[kind]} (2 standard errors, at least 1)`, heap.slope, limitOf(heap)),
    atMost(
      `bytes outside the heap kept a ${NAMES[kind]} (2 standard errors, at least 1)`,
      outside.slope,
      limitOf(outside),
    ),
  ];
}

function figureOfSlope({ kind, heap, samples }: Grown): Figure {
  return {
    name: `heap kept a ${NAMES[kind]}`,
    unit: 'bytes',
    median: heap.slope,
    low: heap.slope - 2 * heap.standardError,
    high: heap.slope + 2 * heap.standardError,
    samples: samples.length,
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
      'heap at the end, MiB',
      'heap a piece, bytes ± error',
      'outside a piece, bytes ± error',
      'whole process at the end, MiB',
      'CPU a piece, ms',
    ],
    rows: grown.map(({ kind, samples, heap, outside, cpuMs }) => [
      NAMES[kind],
      String(samples.at(-1)?.operations ?? 0),
      mebibytes(samples[0]?.heapUsed),
      mebibytes(samples.at(-1)?.heapUsed),
      withError(heap),
      withError(outside),
      mebibytes(samples.at(-1)?.rss),
      cpuMs.toFixed(2),
    ]),
    notes: [
      'The built bundle’s own functions, called as the worker does, in a process each with `--expose-gc`; 8 at once, 500 people who come again and again.',
      'Sign-in: `/sso/login`, then `/sso/callback`. Entra’s token endpoint is answered behind `fetch` in the same process (so the CPU includes signing its tokens); the queue’s put goes over HTTP to a server that forgets it.',
      'Provisioning: nineteen of twenty unchanged, one moves to another group; tables over HTTP to an Azurite of its own.',
      'At most 50,000 of each: a machine that is too slow for them stops when the time is up.',
      'Bytes after three forced collections, every 1,000. Errors are those of the line; neighbouring looks are not independent, so the true ones are larger.',
    ],
    goals: grown.flatMap(memoryGoals),
    figures: grown.map(figureOfSlope),
  };
}

/** Heap and what is outside of it, as sign-ins and provisionings go on. */
export const memory: Measurement = {
  id: 'memory',
  title: 'Memory',
  budgetSeconds: 150,
  async run(context) {
    const appDir = join(context.tempDir, 'app');
    await buildApp({ outdir: appDir });
    // Side by side: each is a process of its own, and neither's time is the result.
    const grown = await Promise.all(MEMORY_KINDS.map((kind) => measureKind(context, kind, appDir)));
    return [memorySection(grown)];
  },
};
