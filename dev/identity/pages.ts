/** The pages that a browser sees. Text is escaped by construction; no script, nothing loaded. */
import type { Directory, Person } from './directory.ts';
import { loginOf } from './directory.ts';

/** Text that is markup already. */
class Markup {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

type Content = string | Markup | readonly Content[] | undefined;

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function renderContent(content: Content): string {
  if (content === undefined) {
    return '';
  }
  if (content instanceof Markup) {
    return content.text;
  }
  return typeof content === 'string'
    ? content.replaceAll(/[&<>"']/g, (character) => entities[character] ?? character)
    : content.map(renderContent).join('');
}

function html(strings: TemplateStringsArray, ...contents: readonly Content[]): Markup {
  return new Markup(strings.map((text, index) => `${text}${renderContent(contents[index])}`).join(''));
}

const style = new Markup(`
:root { color-scheme: light dark; --line: light-dark(#767b83, #8b919a); --soft: light-dark(#f3f5f8, #20242a);
  --page: light-dark(#ffffff, #14171b); --text: light-dark(#16191d, #f1f3f5); --quiet: light-dark(#4d545d, #b4bbc4);
  --accent: light-dark(#0b5cad, #8cc4ff); --bad: light-dark(#a3160f, #ffb3ab) }
* { box-sizing: border-box }
body { margin: 0; background: var(--page); color: var(--text); font: 16px/1.5 system-ui, sans-serif }
header { border-bottom: 4px double var(--line); background: var(--soft); padding: .6rem 1rem; font-size: .9rem }
main { max-width: 34rem; margin: 0 auto; padding: 1.5rem 1rem 3rem }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .5rem }
p { margin: .5rem 0 1rem } .quiet { color: var(--quiet) }
ul { list-style: none; margin: 0 0 1.5rem; padding: 0; display: grid; gap: .5rem }
button { width: 100%; padding: .7rem 1rem; font: inherit; text-align: start; color: inherit; background: var(--soft);
  border: 1px solid var(--line); border-radius: .5rem; cursor: pointer; overflow-wrap: anywhere }
button:hover { border-color: var(--accent) }
button:focus-visible, input:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
button strong, button span { display: block } button span { font-size: .9rem; color: var(--quiet) }
label { display: block; font-weight: 600 } .row { display: flex; gap: .5rem; flex-wrap: wrap }
.row > * { flex: 1 1 8rem; text-align: center }
input { width: 100%; padding: .6rem; margin: .25rem 0 .5rem; font: inherit; color: inherit; background: var(--page);
  border: 1px solid var(--line); border-radius: .5rem }
[role=alert] { border-inline-start: 4px solid var(--bad); padding: .5rem 1rem; color: var(--bad);
  background: var(--soft); overflow-wrap: anywhere }
`);

function renderPage(title: string, body: Markup): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title} – local emulator</title>
        <style>
          ${style}
        </style>
      </head>
      <body>
        <header><strong>Local emulator of Microsoft Entra ID.</strong> No real account, no password.</header>
        <main>${body}</main>
      </body>
    </html> `.text;
}

const alert = (text: string | undefined): Content =>
  text === undefined ? undefined : html`<p role="alert">${text}</p>`;

const maxListed = 50;

function renderPerson(person: Person): Markup {
  return html`<li>
    <button type="submit" name="person" value="${person.id}">
      <strong>${person.displayName}</strong><span>${loginOf(person)}</span><span>${person.about}</span>
    </button>
  </li>`;
}

export interface PickPageOptions {
  readonly directory: Directory;
  /** Why the last choice was refused. */
  readonly refusal?: string | undefined;
}

/** Gives the page to pick a person: the first fifty to press, anybody by name to type. */
export function renderPickPage({ directory, refusal }: PickPageOptions): string {
  const { application, people } = directory;
  return renderPage(
    'Pick an account',
    html`<h1>Pick an account</h1>
      <p class="quiet">to continue to <strong>${application.displayName}</strong></p>
      ${alert(refusal)}
      <form method="post">
        <ul>
          ${people.slice(0, maxListed).map(renderPerson)}
        </ul>
      </form>
      <form method="post">
        <label for="login">Somebody else</label>
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

/** Gives the page that asks a person for consent. */
export function renderConsentPage({ directory, person, scopes }: ConsentPageOptions): string {
  return renderPage(
    'Permissions requested',
    html`<h1>Permissions requested</h1>
      <p>
        <strong>${directory.application.displayName}</strong> asks <strong>${loginOf(person)}</strong> for:
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

/** Gives the page on which Entra refuses without a way back to the application. */
export function renderRefusalPage(text: string): string {
  return renderPage(
    'Sign-in failed',
    html`<h1>Sorry, but we’re having trouble signing you in.</h1>
      ${alert(text)}`,
  );
}

/** Gives the emulator's front page. */
export function renderFrontPage(directory: Directory): string {
  return renderPage(
    'Directory',
    html`<h1>Who can sign in to ${directory.application.displayName}</h1>
      <p class="quiet">Start at the application; it sends you here.</p>
      <ul>
        ${directory.people
          .slice(0, maxListed)
          .map((person) => html`<li><strong>${loginOf(person)}</strong><br />${person.about}</li>`)}
      </ul>
      <p class="quiet">
        Change people, groups and faults at <code>/control/directory</code> and <code>/control/faults</code>.
      </p>`,
  );
}
