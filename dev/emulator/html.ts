/** The pages of the emulators. Text is escaped by construction. A page has no script and loads nothing. */

/** Text that is already markup. */
export class Markup {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** What a template may contain. `undefined` and `false` render nothing. */
type Content = string | number | false | Markup | readonly Content[] | undefined;

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function renderContent(content: Content): string {
  if (content === undefined || content === false) {
    return '';
  }
  if (content instanceof Markup) {
    return content.text;
  }
  return typeof content === 'string' || typeof content === 'number'
    ? String(content).replaceAll(/[&<>"']/g, (character) => entities[character] ?? character)
    : content.map(renderContent).join('');
}

/** Creates markup from a template, with its values escaped. */
export function html(strings: TemplateStringsArray, ...contents: readonly Content[]): Markup {
  return new Markup(strings.map((text, index) => `${text}${renderContent(contents[index])}`).join(''));
}

const style = new Markup(`
:root { color-scheme: light dark; --line: light-dark(#767b83, #8b919a); --soft: light-dark(#f3f5f8, #20242a);
  --page: light-dark(#ffffff, #14171b); --text: light-dark(#16191d, #f1f3f5); --quiet: light-dark(#4d545d, #b4bbc4);
  --accent: light-dark(#0b5cad, #8cc4ff); --bad: light-dark(#a3160f, #ffb3ab) }
* { box-sizing: border-box }
body { margin: 0; background: var(--page); color: var(--text); font: 16px/1.5 system-ui, sans-serif }
header { border-bottom: 4px double var(--line); background: var(--soft); padding: .6rem 1rem; font-size: .9rem }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 3rem } main.narrow { max-width: 34rem }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .5rem } h2 { font-size: 1.15rem; margin: 2rem 0 .25rem }
h3 { font-size: 1rem; margin: 1rem 0 .25rem } p { margin: .5rem 0 1rem } .quiet { color: var(--quiet) }
ul { list-style: none; margin: 0 0 1.5rem; padding: 0; display: grid; gap: .5rem } .scroll { overflow-x: auto }
section section { margin-inline-start: 1rem; padding-inline-start: 1rem; border-inline-start: 2px solid var(--line) }
table { border-collapse: collapse; width: 100%; font-size: .9rem }
th, td { text-align: start; padding: .3rem .75rem .3rem 0; border-bottom: 1px solid var(--line); overflow-wrap: anywhere }
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

export interface PageOptions {
  readonly title: string;
  /** Says what this emulator is, above every page. */
  readonly banner: Markup;
  readonly body: Markup;
  /** For a page with a form instead of tables. */
  readonly narrow?: boolean;
}

/** Renders a whole page. */
export function renderPage({ title, banner, body, narrow = false }: PageOptions): string {
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
        <header>${banner}</header>
        <main class="${narrow ? 'narrow' : 'wide'}">${body}</main>
      </body>
    </html> `.text;
}
