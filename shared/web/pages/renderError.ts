import type { ErrorCode } from '../../model/errors.ts';
import { text as copyScript } from './client/copy.ts?text';
import type { ErrorText, Fixer } from './errorText.ts';
import { errorTexts } from './errorTexts.ts';
import { html, type Html, renderName } from './html.ts';
import { renderDocument } from './renderDocument.ts';

const FIXERS: Readonly<Record<Fixer, string>> = {
  you: 'You can fix it.',
  administrator: 'An administrator of Microsoft Entra ID.',
  operator: 'The operator of this service.',
  time: 'It usually goes away by itself. If it doesn’t, ask the operator of this service.',
};

const HINT_TITLES: Readonly<Record<Fixer, string>> = {
  you: 'If that doesn’t help',
  administrator: 'For the administrator',
  operator: 'For the operator',
  time: 'For the operator',
};

export interface ErrorPage {
  readonly nonce: string;
  readonly code: ErrorCode;
  /** Finds this failure in the log. */
  readonly correlationId: string;
  /** Where "Try again" leads: a path on this site. Any other address is replaced by the code's own. */
  readonly retryHref?: string;
  /** More help for the person who can fix it, such as the name of a setting. */
  readonly adminHint?: string;
  /** What Microsoft or the service answered, such as `AADSTS50105`. Never a token or an email. */
  readonly detail?: string;
}

/**
 * Returns the path if it is on this site, otherwise the code's own. The page must never offer another site's
 * address.
 */
function findRetryHref(text: ErrorText, wanted: string | undefined): string {
  if (wanted !== undefined && /^\/(?![/\\])[\x21-\x7e]*$/u.test(wanted)) return wanted;
  return text.retry === 'login' ? '/sso/login' : '/';
}

function findRetryLabel(code: ErrorCode, href: string): string {
  if (code === 'session_missing') return 'Sign in';
  if (href.includes('prompt=select_account')) return 'Try another account';
  return href === '/' && (code === 'not_found' || code === 'origin_mismatch')
    ? 'Go to the start page'
    : 'Try again';
}

/** Renders the reference that finds a failure in the log, with a button to copy it if scripts run. */
function renderReference(correlationId: string): Html {
  return html`<dd class="reference">
    <code id="reference">${correlationId}</code>
    <button class="button compact" type="button" data-copy="reference" aria-label="Copy reference" hidden>
      Copy
    </button>
  </dd>`;
}

function renderHint(text: ErrorText, adminHint: string | undefined): Html {
  if (text.hint === undefined && adminHint === undefined) return html``;
  return html`<div class="hint stack">
    <h2>${HINT_TITLES[text.fixer]}</h2>
    ${text.hint !== undefined && html`<p>${text.hint}</p>`}
    ${adminHint !== undefined && html`<p>${adminHint}</p>`}
  </div>`;
}

function renderTechnical({ code, correlationId, detail }: ErrorPage): Html {
  return html`<dl class="technical">
    <div>
      <dt>Error code</dt>
      <dd><code>${code}</code></dd>
    </div>
    <div>
      <dt>Reference</dt>
      ${renderReference(correlationId)}
    </div>
    ${
      detail !== undefined &&
      html`<div>
        <dt>Details</dt>
        <dd>${renderName(detail)}</dd>
      </div>`
    }
  </dl>`;
}

/** Renders the page of a failure: what happened, what to do, who can fix it, and the reference for the log. */
export function renderError(page: ErrorPage): string {
  const text = errorTexts[page.code];
  const href = findRetryHref(text, page.retryHref);
  const main = html`<main id="main" class="narrow" tabindex="-1">
    <article class="card fault">
      <div class="pad stack-wide">
        <div class="stack">
          <h1>${text.title}</h1>
          <p>${text.happened}${text.retry === 'login' && ' You aren’t signed in.'}</p>
        </div>
        <div>
          <h2>What to do</h2>
          <p>${text.todo}</p>
        </div>
        <div>
          <h2>Who can fix it</h2>
          <p>${FIXERS[text.fixer]}</p>
        </div>
        ${renderHint(text, page.adminHint)}
        <p><a class="button primary" href="${href}">${findRetryLabel(page.code, href)}</a></p>
        ${renderTechnical(page)}
      </div>
    </article>
  </main>`;
  return renderDocument({ nonce: page.nonce, title: text.title, main, script: copyScript });
}
