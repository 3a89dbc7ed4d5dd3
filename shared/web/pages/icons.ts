import { html, type Html } from './html.ts';

/** Microsoft's logo: four squares, in the colours that the rules for its sign-in button name. */
export const microsoftLogo: Html = html`<svg
  width="21"
  height="21"
  viewBox="0 0 21 21"
  aria-hidden="true"
  focusable="false"
>
  <path fill="#f25022" d="M1 1h9v9H1z" />
  <path fill="#7fba00" d="M11 1h9v9h-9z" />
  <path fill="#00a4ef" d="M1 11h9v9H1z" />
  <path fill="#ffb900" d="M11 11h9v9h-9z" />
</svg>`;

/** The mark of this product: one organization above two teams. */
export const brandMark: Html = html`<svg
  width="22"
  height="22"
  viewBox="0 0 22 22"
  fill="none"
  stroke="currentColor"
  stroke-width="1.75"
  stroke-linejoin="round"
  aria-hidden="true"
  focusable="false"
>
  <rect x="7" y="2" width="8" height="6" rx="1.5" />
  <rect x="1.5" y="14" width="8" height="6" rx="1.5" />
  <rect x="12.5" y="14" width="8" height="6" rx="1.5" />
  <path d="M11 8v3M5.5 14v-3h11v3" />
</svg>`;

function renderStatusIcon(path: string): Html {
  return html`<svg
    width="20"
    height="20"
    viewBox="0 0 20 20"
    fill="none"
    stroke="currentColor"
    stroke-width="1.75"
    stroke-linecap="round"
    stroke-linejoin="round"
    aria-hidden="true"
    focusable="false"
  >
    <circle cx="10" cy="10" r="8" />
    <path d="${path}" />
  </svg>`;
}

/** One shape for each LiteLLM state. */
export const litellmIcons = {
  in_litellm: renderStatusIcon('M6.5 10.25l2.5 2.5 4.75-5.25'),
  not_yet: renderStatusIcon('M10 5.5V10l3 2'),
  refused: renderStatusIcon('M7 7l6 6M13 7l-6 6'),
  failed: renderStatusIcon('M10 5.75v5M10 14h.01'),
  unknown: renderStatusIcon('M7.75 7.75a2.25 2.25 0 1 1 2.25 2.5v1.25M10 14.25h.01'),
} as const;

/** One shape for each status, so that colour is never the only sign. */
export const statusIcons = {
  pending: renderStatusIcon('M6.5 10h.01M10 10h.01M13.5 10h.01'),
  waiting: renderStatusIcon('M10 5.5V10l3 2'),
  done: renderStatusIcon('M6.5 10.25l2.5 2.5 4.75-5.25'),
  exceptions: renderStatusIcon('M10 5.75v5M10 14h.01'),
  none: renderStatusIcon('M7 10h6'),
  failed: renderStatusIcon('M7 7l6 6M13 7l-6 6'),
  superseded: renderStatusIcon('M6.5 10h7M10.5 7l3 3-3 3'),
} as const;
