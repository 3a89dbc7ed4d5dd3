/**
 * Markup that is safe to send. Only {@link html} and {@link trustMarkup} create it. A string is never accepted in
 * its place.
 */
class Markup {
  readonly #text: string;
  constructor(text: string) {
    this.#text = text;
  }
  toString(): string {
    return this.#text;
  }
}

/**
 * The type of safe markup. The class is private to this file, so that no other code can create markup from a string.
 */
export type Html = Markup;

/** The values that a `${}` of {@link html} accepts. `undefined` and `false` render nothing. */
export type HtmlValue = Html | string | number | undefined | false | readonly HtmlValue[];

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeText(text: string): string {
  return text.replace(/[&<>"']/gu, (character) => ENTITIES[character] ?? '');
}

function renderValue(value: HtmlValue): string {
  if (value === undefined || value === false) return '';
  if (value instanceof Markup) return value.toString();
  if (typeof value === 'string') return escapeText(value);
  if (typeof value === 'number') return String(value);
  return value.map((entry) => renderValue(entry)).join('');
}

/**
 * Template tag that returns markup. It escapes every string, for text and for quoted attributes.
 * Throws a TypeError for an attribute value without quotes, which no escaping makes safe.
 */
export function html(parts: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  let text = parts[0] ?? '';
  for (const [index, value] of values.entries()) {
    if (text.endsWith('=')) throw new TypeError('An attribute value must be in quotes.');
    text += renderValue(value) + (parts[index + 1] ?? '');
  }
  return new Markup(text);
}

/**
 * Renders a name that another system gave us. Its direction of writing, or a character that changes it, then affects nothing
 * outside of it. Every foreign name on a page goes through here.
 */
export function renderName(name: string): Html {
  return html`<bdi>${name}</bdi>`;
}

/**
 * Returns a constant of this source tree as markup, unescaped: the stylesheet and the scripts, which HTML doesn't
 * unescape. Never for data; a test checks who calls it.
 */
export function trustMarkup(constant: string): Html {
  return new Markup(constant);
}

/** Returns the markup as text, for a response body. */
export function renderToString(markup: Html): string {
  return markup.toString();
}
