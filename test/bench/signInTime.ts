/** What a sign-in costs: callback received → redirect sent, ours, the baseline and the bare exchange in turns. */
import { formatNumber } from './formatNumber.ts';
import type { BenchContext, Figure, Goal, Measurement, Section } from './report.ts';
import {
  type Counts,
  createKind,
  findRatio,
  type Kind,
  measureRound,
  pairsOf,
  renderMedianMs,
  renderSpread,
  type Round,
  warmUp,
} from './signInRounds.ts';
import { type Stand, startStand } from './signInStand.ts';
import type { VariantName } from './signInVariants.ts';
import { atMost, figureOf, median } from './stats.ts';

/** In the claim up to 200 (Entra's limit), in Graph above. */
const groupCounts = [1, 10, 100, 200, 250];
const ASSIGNED_GROUPS = 300;
/** So many sign in at once, nobody twice. */
const CROWD = 50;
const SINGLES = 12;
/** The baseline takes as long as dozens of ours, so a crowd of it with more groups than these is smaller: the machine is full even so. */
const BASELINE_CROWD_MAX_GROUPS = 10;
const BASELINE_SMALL_CROWD = 6;

const MAX_RATIO = 1.3;
/** Up to how many groups the goal stands. */
const GOAL_MAX_GROUPS = 200;

export const signInTime: Measurement = {
  id: 'sign-in',
  title: 'Sign-in',
  budgetSeconds: 140,
  async run(context) {
    const peopleByGroups = new Map(groupCounts.map((groups) => [groups, 2 * CROWD]));
    const stand = await startStand(context, { assignedGroups: ASSIGNED_GROUPS, peopleByGroups });
    try {
      return [await measure(context, stand)];
    } finally {
      await stand.stop();
    }
  },
};

async function measure(context: BenchContext, stand: Stand): Promise<Section> {
  const kinds = [1, CROWD].flatMap((atOnce) =>
    groupCounts.map((groups) => createKind({ groups, atOnce, assignedGroups: ASSIGNED_GROUPS })),
  );
  const endMs = performance.now() + context.budgetSeconds * 1000;
  await warmUp(context, stand, groupCounts);
  const maxRounds = context.quick ? 1 : 12;
  let lastRoundMs = 0;
  // A round is begun where there is time for a whole one, so that each kind has as many.
  for (let round = 0; round < maxRounds; round += 1) {
    const startMs = performance.now();
    if (round > 0 && startMs + lastRoundMs > endMs) break;
    for (const kind of kinds) {
      context.log(`round ${round + 1}: ${kind.atOnce} at once, ${kind.groups} groups`);
      await measureRound(stand, kind, { round, counts: countsOf(kind, round) });
    }
    lastRoundMs = performance.now() - startMs;
  }
  return renderSection(kinds);
}

function countsOf({ groups, atOnce }: Kind, round: number): Counts {
  if (atOnce === 1) {
    return { ours: SINGLES, exchange: SINGLES, bare: SINGLES, baseline: groups >= 100 ? 2 : 6 };
  }
  const crowd = groups <= BASELINE_CROWD_MAX_GROUPS ? atOnce : BASELINE_SMALL_CROWD;
  return { ours: atOnce, exchange: atOnce, bare: atOnce, baseline: round % 3 === 0 ? crowd : 0 };
}

interface KindFigures {
  /** Against the exchange on the product's clients. */
  readonly ratio: Figure | undefined;
  readonly added: Figure | undefined;
  /** Against the exchange on plain HTTP, ours and what the clients alone take. */
  readonly ofBare: Figure | undefined;
  readonly clientsOfBare: Figure | undefined;
  readonly cpuRatio: Figure | undefined;
  readonly cpuAdded: Figure | undefined;
  readonly baseline: Figure | undefined;
  readonly baselineCpu: Figure | undefined;
}

function figuresOf({ groups, atOnce, rounds }: Kind): KindFigures {
  const name = `${atOnce} at once, ${groups} groups`;
  const { ours, exchange, bare, baseline } = rounds;
  const findAdded = (label: string, pairs: readonly (readonly [number, number])[]): Figure | undefined =>
    pairs.length === 0
      ? undefined
      : figureOf(
          label,
          'ms',
          pairs.map(([a, b]) => a - b),
        );
  return {
    ratio: findRatio(`ours ÷ the exchange, ${name}`, pairsOf(ours, exchange, 'timeMs')),
    added: findAdded(`ours less the exchange, ${name}`, pairsOf(ours, exchange, 'timeMs')),
    ofBare: findRatio(`ours ÷ plain HTTP, ${name}`, pairsOf(ours, bare, 'timeMs')),
    clientsOfBare: findRatio(`the exchange ÷ plain HTTP, ${name}`, pairsOf(exchange, bare, 'timeMs')),
    cpuRatio: findRatio(`CPU ours ÷ the exchange, ${name}`, pairsOf(ours, exchange, 'cpuMs')),
    cpuAdded: findAdded(`CPU ours less the exchange, ${name}`, pairsOf(ours, exchange, 'cpuMs')),
    baseline: findRatio(`baseline ÷ ours, ${name}`, pairsOf(baseline, ours, 'timeMs')),
    baselineCpu: findRatio(`CPU baseline ÷ ours, ${name}`, pairsOf(baseline, ours, 'cpuMs')),
  };
}

interface Measured {
  readonly kind: Kind;
  readonly figures: KindFigures;
}

function renderSection(kinds: readonly Kind[]): Section {
  const measured: readonly Measured[] = kinds.map((kind) => ({ kind, figures: figuresOf(kind) }));
  const figures = measured.flatMap((each) => Object.values<Figure | undefined>({ ...each.figures }));
  return {
    id: 'sign-in',
    title: 'Sign-in: callback received → redirect sent',
    against:
      'the bare exchange (one token request and one queue put by the same clients, nothing looked at), the same on plain HTTP, and the baseline',
    columns: [
      'at once, groups',
      'exchange',
      'ours',
      'ours ÷ exchange',
      'ours adds',
      'CPU exchange',
      'CPU ours adds',
      'plain HTTP',
      'ours ÷ plain HTTP',
      'exchange ÷ plain HTTP',
      'baseline ÷ ours',
      'CPU baseline ÷ ours',
    ],
    rows: measured.map(renderRow),
    goals: [1, CROWD].flatMap((atOnce) => goalsOf(measured, atOnce)),
    figures: figures.filter((figure) => figure !== undefined),
    notes: notesOf(kinds),
  };
}

function renderRow({ kind, figures }: Measured): readonly string[] {
  const { groups, atOnce, rounds } = kind;
  return [
    `${atOnce}, ${groups}${groups > GOAL_MAX_GROUPS ? ' (overage)' : ''}`,
    renderMedianMs(rounds.exchange, 'timeMs'),
    renderMedianMs(rounds.ours, 'timeMs'),
    renderSpread(figures.ratio),
    `${renderSpread(figures.added)} ms`,
    renderMedianMs(rounds.exchange, 'cpuMs'),
    figures.cpuAdded === undefined ? '–' : `${formatNumber(figures.cpuAdded.median)} ms`,
    renderMedianMs(rounds.bare, 'timeMs'),
    renderSpread(figures.ofBare),
    figures.clientsOfBare === undefined ? '–' : formatNumber(figures.clientsOfBare.median),
    renderSpread(figures.baseline),
    figures.baselineCpu === undefined ? '–' : formatNumber(figures.baselineCpu.median),
  ];
}

/** A crowd lasts a tenth of a second, so its rounds scatter too much for one size alone: all sizes together. */
function goalsOf(measured: readonly Measured[], atOnce: number): readonly Goal[] {
  const kinds = measured
    .map(({ kind }) => kind)
    .filter((kind) => kind.atOnce === atOnce && kind.groups <= GOAL_MAX_GROUPS);
  const [few, many] = [kinds.at(0), kinds.at(-1)];
  if (few === undefined || many === undefined) return [];
  const ratioOf = (a: VariantName, b: VariantName): number => {
    const ratios = kinds.map(({ rounds }) =>
      pairsOf(rounds[a], rounds[b], 'timeMs').map(([one, other]) => one / other),
    );
    return atOnce === 1 ? Math.max(...ratios.map(median)) : median(ratios.flat());
  };
  const flat = findRatio('', pairsOf(many.rounds.ours, few.rounds.ours, 'timeMs'))?.median ?? Number.NaN;
  const sizes = `1 to ${GOAL_MAX_GROUPS} groups, ${atOnce === 1 ? 'the worst' : 'together'}`;
  return [
    atMost(`${atOnce} at once, ${sizes}: ours ÷ the exchange`, ratioOf('ours', 'exchange'), MAX_RATIO),
    atMost(
      `${atOnce} at once, ${sizes}: ours ÷ the exchange on plain HTTP (the clients alone take ${formatNumber(ratioOf('exchange', 'bare'))})`,
      ratioOf('ours', 'bare'),
      MAX_RATIO,
    ),
    atMost(`${atOnce} at once: ours with ${many.groups} groups ÷ with ${few.groups}`, flat, MAX_RATIO),
  ];
}

function notesOf(kinds: readonly Kind[]): readonly string[] {
  const singles = kinds.filter(({ atOnce }) => atOnce === 1);
  const show = (rounds: readonly Round[], part: 'timeMs' | 'tokenMs'): string =>
    formatNumber(median(rounds.map((round) => round[part])));
  const exchange = singles.flatMap(({ rounds }) => rounds.exchange);
  const ours = singles.flatMap(({ rounds }) => rounds.ours);
  return [
    `One at a time, the emulator’s token endpoint takes ${show(ours, 'tokenMs')} ms by its own record (it signs two tokens), of the exchange’s ${show(exchange, 'timeMs')} ms and of our ${show(ours, 'timeMs')} ms.`,
    'Exchange: MSAL redeems the code and the storage SDK puts a message as long as ours; no token is verified, no cookie is opened or sealed. Plain HTTP: the same requests by node:http(s) with keep-alive, the put signed once for all.',
    `${kinds[0]?.rounds.ours.length ?? 0} rounds, each the median of ${SINGLES} sign-ins one at a time; ${CROWD} at once: first request to last answer, divided by ${CROWD}. In brackets the 10th and 90th percentile of the rounds. “Adds”: ours less the exchange.`,
    `${ASSIGNED_GROUPS} groups are assigned; the baseline’s teams exist already. A crowd of the baseline with more than ${BASELINE_CROWD_MAX_GROUPS} groups is of ${BASELINE_SMALL_CROWD}, in every third round.`,
  ];
}
