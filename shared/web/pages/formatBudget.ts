const UNITS: Readonly<Record<string, string>> = {
  s: 'second',
  m: 'minute',
  h: 'hour',
  d: 'day',
  w: 'week',
  mo: 'month',
  y: 'year',
};

/**
 * Gives USD the way it is read: `$1,000`, `$12.50`, and `$0.0042` for the fractions of a cent that calls to
 * a model cost.
 */
export function formatUsd(amount: number): string {
  const isWhole = Number.isInteger(amount);
  const isTiny = amount !== 0 && Math.abs(amount) < 0.01;
  return new Intl.NumberFormat('en-US', {
    style: 'currency',
    currency: 'USD',
    minimumFractionDigits: isWhole ? 0 : 2,
    maximumFractionDigits: isTiny ? 6 : 2,
  }).format(amount);
}

/** Gives a count with separators: `120,000`. */
export function formatCount(count: number): string {
  return new Intl.NumberFormat('en-US').format(count);
}

/** Gives `1 team`, `2 teams`: a count with its noun, which takes an `s` for the plural. */
export function formatCounted(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/**
 * Gives LiteLLM's duration in words: `30d` is `per 30 days`, `1mo` is `per month`. An absent one is
 * `in total`, because the budget then never resets; one in an unknown form is shown as it stands.
 */
function formatDuration(duration: string | undefined): string {
  if (duration === undefined) return 'in total';
  const match = /^(?<count>[0-9]+)(?<unit>[a-z]+)$/u.exec(duration);
  const unit = UNITS[match?.groups?.['unit'] ?? ''];
  const count = Number(match?.groups?.['count']);
  if (unit === undefined) return `per ${duration}`;
  return count === 1 ? `per ${unit}` : `per ${formatCounted(count, unit)}`;
}

/** Gives `$1,000 per 30 days`, or `No limit` where there is no amount. */
export function formatBudget(amount: number | undefined, duration: string | undefined): string {
  return amount === undefined ? 'No limit' : `${formatUsd(amount)} ${formatDuration(duration)}`;
}
