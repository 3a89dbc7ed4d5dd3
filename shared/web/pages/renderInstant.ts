import { html, type Html } from './html.ts';

const TO_THE_MINUTE = {
  timeZone: 'UTC',
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
} as const;

const FORMATS = {
  seconds: new Intl.DateTimeFormat('en-GB', { ...TO_THE_MINUTE, second: '2-digit' }),
  minutes: new Intl.DateTimeFormat('en-GB', TO_THE_MINUTE),
} as const;

/**
 * Renders an instant (ISO 8601) as a `time` element in UTC, to the second by default, as logs and other people's
 * pages show it. Text that isn't an instant is shown unchanged.
 */
export function renderInstant(instant: string, precision: keyof typeof FORMATS = 'seconds'): Html {
  const milliseconds = Date.parse(instant);
  if (Number.isNaN(milliseconds)) return html`<span>${instant}</span>`;
  return html`<time datetime="${instant}">${FORMATS[precision].format(milliseconds)} UTC</time>`;
}
