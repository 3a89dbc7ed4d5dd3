/** The pages that a browser sees. */
import { html, renderPage } from '../emulator/html.ts';
import type { Markup } from '../emulator/html.ts';
import type { Directory, Person } from './directory.ts';
import { loginOf } from './directory.ts';

const banner = html`<strong>Local emulator of Microsoft Entra ID.</strong> No real account, no password.`;

const renderIdentityPage = (title: string, body: Markup): string =>
  renderPage({ title, banner, body, narrow: true });

const alert = (text: string | undefined): Markup | undefined =>
  text === undefined ? undefined : html`<p role="alert">${text}</p>`;

const maxListed = 50;

function renderPerson(person: Person): Markup {
  return html`<li>
    <button type="submit" name="person" value="${person.id}">
      <strong><bdi>${person.displayName}</bdi></strong
      ><span><bdi>${loginOf(person)}</bdi></span
      ><span>${person.about}</span>
    </button>
  </li>`;
}

export interface PickPageOptions {
  readonly directory: Directory;
  /** Why the emulator refused the last choice. */
  readonly refusal?: string | undefined;
}

/** Renders the page to pick an account: buttons for the first fifty people, and a field for any login. */
export function renderPickPage({ directory, refusal }: PickPageOptions): string {
  const { application, people } = directory;
  return renderIdentityPage(
    'Pick an account',
    html`<h1>Pick an account</h1>
      <p class="quiet">
        to continue to <strong><bdi>${application.displayName}</bdi></strong>
      </p>
      ${alert(refusal)}
      <form method="post">
        <ul>
          ${people.slice(0, maxListed).map(renderPerson)}
        </ul>
      </form>
      <form method="post">
        <label for="login">Use another account</label>
        <input
          id="login"
          name="person"
          autocomplete="off"
          autocapitalize="none"
          spellcheck="false"
          required
        />
        <button type="submit">Sign in</button>
      </form>`,
  );
}

export interface ConsentPageOptions {
  readonly directory: Directory;
  readonly person: Person;
  readonly scopes: readonly string[];
}

/** Renders the page that asks a person for consent. */
export function renderConsentPage({ directory, person, scopes }: ConsentPageOptions): string {
  return renderIdentityPage(
    'Permissions requested',
    html`<h1>Permissions requested</h1>
      <p>
        <strong><bdi>${directory.application.displayName}</bdi></strong> asks
        <strong><bdi>${loginOf(person)}</bdi></strong> for:
      </p>
      <ul>
        ${scopes.map((scope) => html`<li><code>${scope}</code></li>`)}
      </ul>
      <form method="post">
        <input type="hidden" name="person" value="${person.id}" />
        <div class="row">
          <button type="submit" name="consent" value="no">Cancel</button>
          <button type="submit" name="consent" value="yes">Accept</button>
        </div>
      </form>`,
  );
}

/** Renders the page on which Entra refuses a sign-in instead of sending the person back to the application. */
export function renderRefusalPage(text: string): string {
  return renderIdentityPage(
    'Sign-in failed',
    html`<h1>Sorry, but we’re having trouble signing you in.</h1>
      ${alert(text)}`,
  );
}

/** Renders the emulator's front page. */
export function renderFrontPage(directory: Directory): string {
  return renderIdentityPage(
    'Directory',
    html`<h1>Who can sign in to <bdi>${directory.application.displayName}</bdi></h1>
      <p class="quiet">Start your sign-in at the application. It sends you to this emulator.</p>
      <ul>
        ${directory.people
          .slice(0, maxListed)
          .map((person) => html`<li><strong>${loginOf(person)}</strong><br />${person.about}</li>`)}
      </ul>
      <p class="quiet">
        You can change people and groups at <code>/control/directory</code>, and switch on faults at
        <code>/control/faults</code>.
      </p>`,
  );
}
