const UNITS: Readonly<Record<string, string>> = {
  s: 'second',
  m: 'minute',
  h: 'hour',
  d: 'day',
  w: 'week',
  mo: 'month',
  y: 'year',
};

/** Formats USD: `$1,000`, `$12.50`, and `$0.0042` for the fractions of a cent that a call to a model costs. */
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

/** Formats a count with separators: `120,000`. */
export function formatCount(count: number): string {
  return new Intl.NumberFormat('en-US').format(count);
}

/** Formats a count with its noun, which gets an `s` in the plural: `1 team`, `2 teams`. */
export function formatCounted(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/**
 * Formats LiteLLM's duration: `30d` is `per 30 days`, `1mo` is `per month`. Without one it is `in total`, because
 * the budget never resets. An unknown form is shown unchanged.
 */
function formatDuration(duration: string | undefined): string {
  if (duration === undefined) return 'in total';
  const match = /^(?<count>[0-9]+)(?<unit>[a-z]+)$/u.exec(duration);
  const unit = UNITS[match?.groups?.['unit'] ?? ''];
  const count = Number(match?.groups?.['count']);
  if (unit === undefined) return `per ${duration}`;
  return count === 1 ? `per ${unit}` : `per ${formatCounted(count, unit)}`;
}

/** Formats a budget: `$1,000 per 30 days`, or `No limit` without an amount. */
export function formatBudget(amount: number | undefined, duration: string | undefined): string {
  return amount === undefined ? 'No limit' : `${formatUsd(amount)} ${formatDuration(duration)}`;
}
