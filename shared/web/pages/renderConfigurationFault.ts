import { errorTexts } from './errorTexts.ts';
import { html } from './html.ts';
import { renderDocument } from './renderDocument.ts';

export interface ConfigurationFaultPage {
  readonly nonce: string;
  /** Names of the settings at fault; never their values. */
  readonly settings: readonly string[];
}

/** Renders the page of a service with wrong settings: which ones, and where the operator finds details. */
export function renderConfigurationFault({ nonce, settings }: ConfigurationFaultPage): string {
  const text = errorTexts.configuration_invalid;
  const main = html`<main id="main" class="narrow" tabindex="-1">
    <article class="card fault">
      <div class="pad stack-wide">
        <div class="stack">
          <h1>${text.title}</h1>
          <p>${text.happened} Nothing is lost. Everything continues once the settings are correct.</p>
        </div>
        ${
          settings.length > 0 &&
          html`<div class="stack">
            <h2>${settings.length === 1 ? 'The setting to correct' : 'The settings to correct'}</h2>
            <ul class="settings">
              ${settings.map((setting) => html`<li><code>${setting}</code></li>`)}
            </ul>
          </div>`
        }
        <div class="hint stack">
          <h2>For the operator</h2>
          <p>
            <code>GET /api/health/detail</code>, with a function key, shows what is wrong with each setting,
            and what is valid. Correct the settings and restart the service.
          </p>
        </div>
        <p><a class="button primary" href="/">Try again</a></p>
      </div>
    </article>
  </main>`;
  return renderDocument({ nonce, title: text.title, main });
}
