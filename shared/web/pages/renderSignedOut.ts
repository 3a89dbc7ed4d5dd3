import { html } from './html.ts';
import { microsoftLogo } from './icons.ts';
import { renderDocument } from './renderDocument.ts';

/** Why a person who was signed in before sees this page. */
export type SignedOutNotice = 'signed_out' | 'session_ended';

const NOTICES: Readonly<Record<SignedOutNotice, string>> = {
  signed_out: 'You’re signed out, here and in all other browsers.',
  session_ended: 'Your session has ended. Sign in again to continue.',
};

export interface SignedOutPage {
  readonly nonce: string;
  readonly notice?: SignedOutNotice;
}

/** Renders the start page of a person who isn't signed in: what this is, and the sign-in button. */
export function renderSignedOut({ nonce, notice }: SignedOutPage): string {
  const main = html`<main id="main" class="narrow" tabindex="-1">
    ${notice !== undefined && html`<p class="notice" role="status">${NOTICES[notice]}</p>`}
    <div class="hero">
      <h1>Your groups are your access</h1>
      <p class="lead">
        Sign in with your work account. Your Microsoft Entra groups become your LiteLLM organizations and
        teams, with their models and budgets, within seconds.
      </p>
      <a class="microsoft" href="/sso/login">${microsoftLogo}<span>Login with Microsoft</span></a>
    </div>
    <section class="card pad stack" aria-labelledby="how-title">
      <h2 id="how-title">What happens</h2>
      <ol class="steps">
        <li><p>Microsoft confirms who you are. We never see your password.</p></li>
        <li>
          <p>
            We read which of your groups are assigned to this application. We change nothing in Microsoft
            Entra ID.
          </p>
        </li>
        <li>
          <p>We set up the organizations and teams of your groups. You see what you can use, and why.</p>
        </li>
      </ol>
    </section>
  </main>`;
  return renderDocument({ nonce, title: 'Sign in', main });
}
