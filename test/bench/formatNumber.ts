/** Gives a number for people: three digits that count, thousands apart, no exponent. Pure. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const digits = value === 0 ? 0 : Math.floor(Math.log10(Math.abs(value)));
  const decimals = Math.min(6, Math.max(0, 2 - digits));
  const rounded = value.toFixed(decimals);
  const plain = rounded.includes('.') ? rounded.replace(/\.?0+$/, '') : rounded;
  return plain.replace(/\B(?=(?:\d{3})+(?!\d)(?<!\.\d*))/g, ',');
}
