/** How many messages a second the queue worker gets through, against receiving and deleting them and nothing else. */
import { join } from 'node:path';
import { buildApp } from '../../dev/build/build.ts';
import { startChild } from '../../dev/emulator/childProcess.ts';
import type { Figure, Measurement, Section } from './report.ts';
import { atLeast, boundedBy, figureOf, pairedRatio } from './stats.ts';
import { CURVE, type Concurrency, KINDS, type Kind, type Round, SETTINGS } from './throughputPlan.ts';
import { throughputResultSchema } from './throughputPlan.ts';
import { TENANT_ID } from './provisioningSubject.ts';

/** Enough for the app to start. Nobody answers for them: no timer runs and the accepted list is there. */
function appSettings(connectionString: string): Readonly<Record<string, string>> {
  return {
    AzureWebJobsStorage: connectionString,
    PUBLIC_URL: 'http://localhost:7071',
    MICROSOFT_TENANT: TENANT_ID,
    MICROSOFT_CLIENT_ID: '22222222-2222-4222-8222-222222222222',
    MICROSOFT_CLIENT_SECRET: 'unused-in-a-benchmark',
    MICROSOFT_SERVICE_PRINCIPAL_ID: '33333333-3333-4333-8333-333333333333',
    ENTRA_GROUPS_CLAIM: 'ApplicationGroup',
    ENTRA_GROUPS_ALSO_CREATE_ORGS: 'true',
    'AzureWebJobs.assignedGroups.Disabled': 'true',
    'AzureWebJobs.repairMemberIndexes.Disabled': 'true',
  };
}

function matching(rounds: readonly Round[], setting: Concurrency, kind: Kind): readonly Round[] {
  return rounds.filter(
    (round) =>
      round.batchSize === setting.batchSize &&
      round.newBatchThreshold === setting.newBatchThreshold &&
      round.kind === kind,
  );
}

function spread(figure: Figure): string {
  return `${figure.median.toFixed(2)} (${figure.low.toFixed(2)}–${figure.high.toFixed(2)})`;
}

interface Row {
  readonly kind: Kind;
  readonly atOnce: number;
  readonly ofRaw: Figure;
  readonly ofFloor: Figure;
  /** The least storage against raw: more than that no product could reach on this storage. */
  readonly ceiling: Figure;
  readonly ours: Figure;
  readonly raw: Figure;
}

function rowOf(rounds: readonly Round[], setting: Concurrency, kind: Kind): Row {
  const found = matching(rounds, setting, kind);
  const atOnce = setting.batchSize + setting.newBatchThreshold;
  const name = `${kind}, ${atOnce} at once`;
  const rates = (way: 'ours' | 'raw' | 'floor'): readonly number[] => found.map((round) => round[way]);
  return {
    kind,
    atOnce,
    ofRaw: pairedRatio(`throughput against raw receive + delete, ${name}`, rates('ours'), rates('raw')),
    ofFloor: pairedRatio(`throughput against the least storage, ${name}`, rates('ours'), rates('floor')),
    ceiling: pairedRatio(`least storage against raw receive + delete, ${name}`, rates('floor'), rates('raw')),
    ours: figureOf(`messages, ${name}`, 'per second', rates('ours')),
    raw: figureOf(`raw receive + delete, ${name}`, 'per second', rates('raw')),
  };
}

function throughputSection(rounds: readonly Round[]): Section {
  const rows = SETTINGS.flatMap((setting) => KINDS.map((kind) => rowOf(rounds, setting, kind)));
  return {
    id: 'throughput',
    title: 'Throughput of the queue worker',
    against: 'receiving and deleting the same messages through the same loop, and nothing else',
    columns: [
      'messages',
      'at once',
      'share of raw (10th–90th)',
      'share of the least storage (10th–90th)',
      'the least storage’s share of raw',
      'ours, a second',
      'raw, a second',
      'rounds',
    ],
    rows: rows.map(({ kind, atOnce, ofRaw, ofFloor, ceiling, ours, raw }) => [
      kind,
      String(atOnce),
      spread(ofRaw),
      spread(ofFloor),
      spread(ceiling),
      ours.median.toFixed(0),
      raw.median.toFixed(0),
      String(ours.samples),
    ]),
    notes: [
      'People have 10 groups, flag on. Mixed: of ten messages eight unchanged, one first sign-in, one moved group.',
      'The built bundle under the local host’s own queue listener and invoker, in a process of its own; one Azurite process serves queue and tables.',
      'The least storage: the same loop with what storage must do anyway. Unchanged: a read and a write of the user’s row. First: the least of a first provisioning. Mixed: for whoever moves as for the unchanged, which is less than they need.',
    ],
    goals: rows.map(({ kind, atOnce, ofRaw, ceiling }) =>
      boundedBy(
        atLeast(`share of raw throughput, ${kind}, ${atOnce} at once`, ofRaw.median, 0.6),
        ceiling.median,
      ),
    ),
    figures: rows.flatMap(({ ofRaw, ofFloor, ceiling, ours }) => [ofRaw, ours, ofFloor, ceiling]),
  };
}

function curveSection(curve: readonly Round[]): Section {
  const rows = CURVE.map((setting) => {
    const name = `messages, batchSize ${setting.batchSize}, newBatchThreshold ${setting.newBatchThreshold}`;
    const rates = matching(curve, setting, 'mixed').map(({ ours }) => ours);
    return { setting, rate: figureOf(name, 'per second', rates) };
  });
  const fastest = Math.max(...rows.map(({ rate }) => rate.median));
  return {
    id: 'throughput-curve',
    title: 'Throughput by batchSize and newBatchThreshold',
    against: 'the fastest pair of the same run',
    columns: ['batchSize', 'newBatchThreshold', 'at once', 'share of the fastest', 'a second (10th–90th)'],
    rows: rows.map(({ setting, rate }) => [
      String(setting.batchSize),
      String(setting.newBatchThreshold),
      String(setting.batchSize + setting.newBatchThreshold),
      (rate.median / fastest).toFixed(2),
      `${rate.median.toFixed(0)} (${rate.low.toFixed(0)}–${rate.high.toFixed(0)})`,
    ]),
    notes: [
      'Mixed messages. Azurite answers one request at a time; Azure does not, and its latency is what a higher number hides.',
    ],
    goals: [],
    figures: rows.map(({ rate }) => rate),
  };
}

/** Throughput of unchanged, first and mixed messages, 16 and 32 at once; and the curve over host.json's two numbers. */
export const throughput: Measurement = {
  id: 'throughput',
  title: 'Throughput of the queue worker',
  budgetSeconds: 80,
  async run(context) {
    const appDir = join(context.tempDir, 'app');
    const [azurite] = await Promise.all([context.startAzurite(), buildApp({ outdir: appDir })]);
    const child = await startChild({
      name: 'queue worker',
      modulePath: join(import.meta.dirname, 'throughputChild.ts'),
      args: [appDir, context.quick ? 'quick' : 'full', String(context.budgetSeconds)],
      env: appSettings(azurite.connectionString),
      // Its one line is the result.
      readySchema: throughputResultSchema,
      readyTimeoutMs: context.budgetSeconds * 4_000 + 60_000,
    });
    await child.stop();
    const { rounds, curve } = child.ready;
    context.log(`${rounds.length} rounds and ${curve.length} of the curve`);
    return [throughputSection(rounds), curveSection(curve)];
  },
};
