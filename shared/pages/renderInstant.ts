import { html, type Html } from './html.ts';

const FORMAT = new Intl.DateTimeFormat('en-GB', {
  timeZone: 'UTC',
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
});

/**
 * Gives an instant (ISO 8601) as a `time` element in UTC, to the second: logs and other people's pages say the
 * same. What is no instant is shown as it stands.
 */
export function renderInstant(instant: string): Html {
  const milliseconds = Date.parse(instant);
  if (Number.isNaN(milliseconds)) return html`<span>${instant}</span>`;
  return html`<time datetime="${instant}">${FORMAT.format(milliseconds)} UTC</time>`;
}
