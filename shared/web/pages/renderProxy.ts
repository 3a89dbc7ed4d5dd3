import type { ProxyReport } from '../../model/litellmProxy.ts';
import { html, type Html } from './html.ts';
import { renderFact } from './renderFact.ts';
import { renderInstant } from './renderInstant.ts';

const ORGANIZATIONS_TEXTS: Readonly<Record<NonNullable<ProxyReport['organizations']>['state'], string>> = {
  available: 'Available',
  unlicensed: 'Not available: LiteLLM has no licence for them',
  unclear: 'Unclear: the proxy’s answers have changed',
};

function renderState({ status, error, hint, checked_at: checkedAt }: ProxyReport): Html {
  return renderFact({
    term: 'State',
    value: status === 'ok' ? 'Changes reach LiteLLM' : 'Changes for LiteLLM wait',
    why: [
      error !== undefined && html`<code>${error}</code>`,
      hint,
      checkedAt !== undefined && html`Checked ${renderInstant(checkedAt, 'minutes')}.`,
    ],
  });
}

/** Renders the state of the proxy for its administrators; nothing for everyone else, or before the first check. */
export function renderProxy(report: ProxyReport | undefined): Html {
  if (report === undefined) return html``;
  const { version, tested_range: tested, organizations, own_user: ownUser, warnings } = report;
  return html`<section class="card proxy" aria-labelledby="proxy-title">
    <div class="pad stack">
      <h2 id="proxy-title">LiteLLM proxy</h2>
      <p class="muted small">You see this because you are an administrator of the proxy.</p>
      <dl class="facts">
        ${renderState(report)}
        ${renderFact({ term: 'Version', value: version ?? 'Not known', why: [`Tested: ${tested}.`] })}
        ${
          organizations !== undefined &&
          renderFact({
            term: 'Organizations',
            value: ORGANIZATIONS_TEXTS[organizations.state],
            why: [html`Since ${renderInstant(organizations.since, 'minutes')}.`],
          })
        }
        ${
          ownUser !== undefined &&
          renderFact({ term: 'Owner of our key', value: html`<code class="id">${ownUser}</code>` })
        }
        ${warnings.map(({ code, hint }) =>
          renderFact({ term: 'Warning', value: html`<code>${code}</code>`, why: [hint] }),
        )}
      </dl>
    </div>
  </section>`;
}
