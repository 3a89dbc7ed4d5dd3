/** Rounds of sign-ins: each variant's right after the other's, so that the machine's drift hits all of them. */
import type { BenchContext, Figure } from './report.ts';
import { formatNumber } from './formatNumber.ts';
import type { Attempt, Stand } from './signInStand.ts';
import { type VariantName, variantNames } from './signInVariants.ts';
import { figureOf, median } from './stats.ts';

/** What one round gave of one variant, a sign-in, in milliseconds. */
export interface Round {
  readonly round: number;
  readonly timeMs: number;
  readonly cpuMs: number;
  /** What the emulator took for a token in this round, by its own record; 0 for a crowd. */
  readonly tokenMs: number;
}

/** One row of a table. */
export interface Kind {
  readonly groups: number;
  readonly assignedGroups: number;
  readonly atOnce: number;
  readonly rounds: Readonly<Record<VariantName, Round[]>>;
}

export function createKind(kind: Omit<Kind, 'rounds'>): Kind {
  return { ...kind, rounds: { ours: [], baseline: [], exchange: [], bare: [] } };
}

/** How many sign-ins each variant gets; 0: it sits this round out. */
export type Counts = Readonly<Record<VariantName, number>>;

/** Code is compiled, connections are open, and the baseline's teams exist afterwards, which is their usual case. */
export async function warmUp(
  context: BenchContext,
  stand: Stand,
  groupCounts: readonly number[],
): Promise<void> {
  for (const variant of variantNames) {
    context.log(`warming up ${variant}`);
    for (const groups of groupCounts) {
      await stand.fire(variant, await stand.prepare(variant, { groups, count: 1 }), 1);
    }
    const passes = context.quick || variant === 'baseline' ? 1 : 5;
    for (let pass = 0; pass < passes; pass += 1) {
      const people = { groups: groupCounts[0] ?? 1, count: context.quick ? 5 : 40 };
      await stand.fire(variant, await stand.prepare(variant, people), 10);
    }
  }
  await stand.clearQueue();
}

/**
 * Measures a round of one kind and keeps it there. One at a time: the variants take turns with each sign-in, and the time is the
 * median of what each took at the subject. Many at once: from the first request to the last answer, divided by how many they are.
 */
export async function measureRound(stand: Stand, kind: Kind, plan: RoundPlan): Promise<void> {
  const variants = turnsOf(plan.round).filter((variant) => plan.counts[variant] > 0);
  await (kind.atOnce === 1 ? measureSingles : measureCrowds)(stand, kind, { ...plan, variants });
  await stand.clearQueue();
}

export interface RoundPlan {
  readonly round: number;
  readonly counts: Counts;
}

type Turns = RoundPlan & { readonly variants: readonly VariantName[] };

async function measureSingles(stand: Stand, kind: Kind, { round, counts, variants }: Turns): Promise<void> {
  const attempts = new Map<VariantName, readonly Attempt[]>();
  for (const variant of variants) {
    attempts.set(variant, await prepareOpened(stand, kind, { variant, count: counts[variant], openers: 1 }));
    await stand.readWindow(variant);
  }
  await stand.control.clearRequests();
  const most = Math.max(...variants.map((variant) => counts[variant]));
  for (let index = 0; index < most; index += 1) {
    for (const variant of variants) {
      const attempt = attempts.get(variant)?.[index];
      if (attempt !== undefined) await stand.fire(variant, [attempt], 1);
    }
  }
  const tokenMs = await readTokenMs(stand);
  for (const variant of variants) {
    const { durationsMs, cpuMs } = await stand.readWindow(variant);
    kind.rounds[variant].push({
      round,
      timeMs: median(durationsMs),
      cpuMs: cpuMs / counts[variant],
      tokenMs,
    });
  }
}

async function measureCrowds(stand: Stand, kind: Kind, { round, counts, variants }: Turns): Promise<void> {
  for (const variant of variants) {
    const count = counts[variant];
    // The baseline's connections are nothing of its time, and as many again would take as long again.
    const openers = variant === 'baseline' ? 1 : kind.atOnce;
    const attempts = await prepareOpened(stand, kind, { variant, count, openers });
    await stand.readWindow(variant);
    const wallMs = await stand.fire(variant, attempts, kind.atOnce);
    const { cpuMs } = await stand.readWindow(variant);
    kind.rounds[variant].push({ round, timeMs: wallMs / count, cpuMs: cpuMs / count, tokenMs: 0 });
  }
}

/** Idle connections are closed after seconds: `openers` sign-ins at once, unmeasured, open them again. */
async function prepareOpened(
  stand: Stand,
  { groups }: Kind,
  {
    variant,
    count,
    openers,
  }: { readonly variant: VariantName; readonly count: number; readonly openers: number },
): Promise<readonly Attempt[]> {
  const all = await stand.prepare(variant, { groups, count: count + openers });
  await stand.fire(variant, all.slice(0, openers), openers);
  return all.slice(openers);
}

/** Who goes first changes, so that being first helps nobody. */
function turnsOf(round: number): readonly VariantName[] {
  return variantNames.map((_, index) => variantNames[(index + round) % variantNames.length] ?? 'ours');
}

async function readTokenMs(stand: Stand): Promise<number> {
  const { requests } = await stand.control.readRequests();
  const times = requests.filter(({ kind }) => kind === 'token').map(({ durationMs }) => durationMs);
  return times.reduce((sum, durationMs) => sum + durationMs, 0) / Math.max(1, times.length);
}

type Part = 'timeMs' | 'cpuMs';

/** Gives `a` and `b` of every round that has both. */
export function pairsOf(
  a: readonly Round[],
  b: readonly Round[],
  part: Part,
): readonly (readonly [number, number])[] {
  return a.flatMap((each) => {
    const other = b.find(({ round }) => round === each.round);
    return other === undefined ? [] : [[each[part], other[part]] as const];
  });
}

/** Gives the ratio round by round; `undefined` where no round has both. */
export function findRatio(name: string, pairs: readonly (readonly [number, number])[]): Figure | undefined {
  return pairs.length === 0
    ? undefined
    : figureOf(
        name,
        'ratio',
        pairs.map(([a, b]) => a / b),
      );
}

/** Gives a figure as `median (10th to 90th percentile)`. */
export function renderSpread(figure: Figure | undefined): string {
  if (figure === undefined) return '–';
  return `${formatNumber(figure.median)} (${formatNumber(figure.low)} to ${formatNumber(figure.high)})`;
}

/** Gives the median of a variant as `1.23 ms`. */
export function renderMedianMs(rounds: readonly Round[], part: Part): string {
  return rounds.length === 0 ? '–' : `${formatNumber(median(rounds.map((round) => round[part])))} ms`;
}
