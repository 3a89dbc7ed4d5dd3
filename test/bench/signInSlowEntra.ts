/** The same sign-in where Entra and Graph answer as they do over a network: in 80 ms. */
import { formatNumber } from './formatNumber.ts';
import type { BenchContext, Measurement, Section } from './report.ts';
import {
  createKind,
  findRatio,
  type Kind,
  measureRound,
  pairsOf,
  renderMedianMs,
  renderSpread,
  warmUp,
} from './signInRounds.ts';
import { type Stand, startStand } from './signInStand.ts';
import type { TenantPlan } from './signInTenant.ts';
import { atMost, boundedBy, median } from './stats.ts';

const DELAY_MS = 80;
const GROUPS = 10;
const CROWD = 50;
const MAX_OF_BASELINE = 1 / 5;
/** How many groups are assigned to the application: the baseline reads them all, 100 a page, at each sign-in. */
const tenantSizes = [100, 300, 1000];

export const signInSlowEntra: Measurement = {
  id: 'slow-entra',
  title: `Sign-in with Entra and Graph at ${DELAY_MS} ms`,
  budgetSeconds: 100,
  async run(context) {
    const stand = await startStand(context, planOf(tenantSizes[0] ?? GROUPS));
    try {
      return [await measure(context, stand)];
    } finally {
      await stand.stop();
    }
  },
};

function planOf(assignedGroups: number): TenantPlan {
  return { assignedGroups, peopleByGroups: new Map([[GROUPS, 2 * CROWD]]) };
}

async function measure(context: BenchContext, stand: Stand): Promise<Section> {
  const endMs = performance.now() + context.budgetSeconds * 1000;
  await warmUp(context, stand, [GROUPS]);
  const delayed = { delayMs: DELAY_MS };
  await stand.control.setFaults({ token: delayed, graph: delayed });
  const kinds = [1, CROWD].flatMap((atOnce) =>
    tenantSizes.map((assignedGroups) => createKind({ groups: GROUPS, assignedGroups, atOnce })),
  );
  const maxRounds = context.quick ? 1 : 8;
  let lastRoundMs = 0;
  for (let round = 0; round < maxRounds; round += 1) {
    const startMs = performance.now();
    if (round > 0 && startMs + lastRoundMs > endMs) break;
    for (const kind of kinds) {
      context.log(`round ${round + 1}: ${kind.atOnce} at once, ${kind.assignedGroups} groups assigned`);
      await stand.changeTenant(planOf(kind.assignedGroups));
      const count = kind.atOnce === 1 ? 5 : CROWD;
      const baseline = kind.atOnce === 1 ? 2 : CROWD;
      await measureRound(stand, kind, { round, counts: { ours: count, exchange: 0, bare: count, baseline } });
    }
    lastRoundMs = performance.now() - startMs;
  }
  return renderSection(kinds);
}

/** Nobody signs in without one wait for Microsoft, and that is this share of what the baseline takes. */
function oneWaitOf({ rounds }: Kind): number {
  return DELAY_MS / median(rounds.baseline.map(({ timeMs }) => timeMs));
}

function renderSection(kinds: readonly Kind[]): Section {
  const measured = kinds.map((kind) => {
    const { atOnce, assignedGroups, rounds } = kind;
    const name = `${atOnce} at once, ${assignedGroups} groups assigned`;
    return {
      kind,
      name,
      bare: findRatio(`ours ÷ bare at ${DELAY_MS} ms, ${name}`, pairsOf(rounds.ours, rounds.bare, 'timeMs')),
      baseline: findRatio(
        `ours ÷ baseline at ${DELAY_MS} ms, ${name}`,
        pairsOf(rounds.ours, rounds.baseline, 'timeMs'),
      ),
    };
  });
  return {
    id: 'slow-entra',
    title: `Sign-in with ${GROUPS} groups, Entra and Graph answering in ${DELAY_MS} ms`,
    against: 'the baseline; the bare exchange',
    columns: ['at once, groups assigned', 'bare', 'ours', 'baseline', 'ours ÷ bare', 'ours ÷ baseline'],
    rows: measured.map(({ kind, bare, baseline }) => [
      `${kind.atOnce}, ${kind.assignedGroups}`,
      renderMedianMs(kind.rounds.bare, 'timeMs'),
      renderMedianMs(kind.rounds.ours, 'timeMs'),
      renderMedianMs(kind.rounds.baseline, 'timeMs'),
      renderSpread(bare),
      renderSpread(baseline),
    ]),
    goals: measured.flatMap(({ kind, name, baseline }) => {
      if (baseline === undefined) return [];
      const goal = atMost(`${name}: ours ÷ baseline`, baseline.median, MAX_OF_BASELINE);
      return [kind.atOnce === 1 ? boundedBy(goal, oneWaitOf(kind)) : goal];
    }),
    figures: measured
      .flatMap(({ bare, baseline }) => [bare, baseline])
      .filter((figure) => figure !== undefined),
    notes: [
      `${kinds[0]?.rounds.ours.length ?? 0} rounds.`,
      `The baseline waits 3 + one a page of 100 assigned groups times ${DELAY_MS} ms, ours once; so the goal depends on the tenant: ${tenantSizes.map((size) => `${size} groups assigned ${formatNumber((3 + Math.ceil(size / 100)) * DELAY_MS)} ms`).join(', ')}, before its tables.`,
      `${CROWD} at once: first request to last answer, divided by ${CROWD}; waiting overlaps there, so the machine’s two cores decide.`,
    ],
  };
}
