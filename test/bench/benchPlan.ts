/** Which measurements run and how long each may take. Pure. */
import type { Measurement } from './report.ts';

/** Of a measurement that does not say. */
const DEFAULT_BUDGET_SECONDS = 60;

type Planned = Pick<Measurement, 'id' | 'budgetSeconds'>;

/** Gives the measurements with these ids, in their own order; all for no ids. Throws for an id that none has. */
export function pickMeasurements<M extends Planned>(all: readonly M[], ids: readonly string[]): readonly M[] {
  const unknown = ids.filter((id) => !all.some((each) => each.id === id));
  if (unknown.length > 0) {
    throw new Error(
      `No measurement is called ${unknown.join(' or ')}; there are ${all.map(({ id }) => id).join(', ')}`,
    );
  }
  return ids.length === 0 ? all : all.filter(({ id }) => ids.includes(id));
}

/** Gives each measurement's seconds by id; where they are more than `totalSeconds` together, all shrink alike. */
export function planBudgets(picked: readonly Planned[], totalSeconds: number): ReadonlyMap<string, number> {
  const wanted = picked.map(({ budgetSeconds = DEFAULT_BUDGET_SECONDS }) => budgetSeconds);
  const sum = wanted.reduce((total, seconds) => total + seconds, 0);
  const share = Math.min(1, totalSeconds / sum);
  return new Map(picked.map(({ id }, index) => [id, (wanted[index] ?? 0) * share]));
}
