/** Markup that is safe to send. Only {@link html} and {@link trustMarkup} make it; a string never passes for it. */
class Markup {
  readonly #text: string;
  constructor(text: string) {
    this.#text = text;
  }
  toString(): string {
    return this.#text;
  }
}

/** Safe markup, as a type: the class stays in this file so that nobody else can build one from a string. */
export type Html = Markup;

/** What may stand in a `${}` of {@link html}. `undefined` and `false` give nothing. */
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
 * Template tag that gives markup in which every string is escaped, for text and for quoted attributes alike.
 * Throws a TypeError where a value would be an attribute without quotes, which no escaping makes safe.
 */
export function html(parts: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  let text = parts[0] ?? '';
  for (const [index, value] of values.entries()) {
    if (text.endsWith('=')) throw new TypeError('An attribute value must stand in quotes.');
    text += renderValue(value) + (parts[index + 1] ?? '');
  }
  return new Markup(text);
}

/**
 * Lets a constant of this source tree through unescaped: the stylesheet and the scripts, which HTML does not
 * unescape. Never for data; a test reads who calls it.
 */
export function trustMarkup(constant: string): Html {
  return new Markup(constant);
}

/** Gives the markup as text, for a response body. */
export function renderToString(markup: Html): string {
  return markup.toString();
}
