import { html, renderToString, trustMarkup, type Html } from './html.ts';
import { brandMark } from './icons.ts';
import { text as stylesheet } from './client/style.css?text';

const FAVICON =
  'data:image/svg+xml,' +
  encodeURIComponent(
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 22 22" fill="none" stroke="#4c8dff" stroke-width="2" stroke-linejoin="round"><path d="M7 2h8v6H7zM1.500 14h8v6h-8zM12.500 14h8v6h-8zM11 8v3M5.500 14v-3h11v3"/></svg>',
  );

/** One page, without the frame that all pages share. */
export interface Page {
  /** The response's nonce for styles and scripts. */
  readonly nonce: string;
  readonly title: string;
  /** The whole `main` element, with the id `main`. */
  readonly main: Html;
  /** The right part of the bar: the account and its sign-out button. */
  readonly account?: Html;
  /** A script of this source tree; a constant, never data. */
  readonly script?: string;
  readonly head?: Html;
}

/**
 * Renders a complete HTML document. It loads nothing from outside and works under `default-src 'none'; style-src
 * 'nonce-…'; script-src 'nonce-…'; img-src data:; connect-src 'self'; form-action 'self'`.
 */
export function renderDocument(page: Page): string {
  const document = html`<html lang="en">
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <meta name="color-scheme" content="light dark" />
      <title>${page.title} · LiteLLM access</title>
      <link rel="icon" href="${FAVICON}" />
      ${page.head}
      <style nonce="${page.nonce}">
        ${trustMarkup(stylesheet)}
      </style>
    </head>
    <body>
      <a class="skip" href="#main">Skip to content</a>
      <header class="bar">
        <div class="bar-inner">
          <a class="brand" href="/">${brandMark}<span>LiteLLM access</span></a>
          ${page.account}
        </div>
      </header>
      ${page.main}
      <p id="announcer" class="unseen" role="status" aria-live="polite"></p>
      ${
        page.script !== undefined &&
        html`<script nonce="${page.nonce}">
          ${trustMarkup(page.script)};
        </script>`
      }
    </body>
  </html>`;
  return `<!doctype html>\n${renderToString(document)}\n`;
}
