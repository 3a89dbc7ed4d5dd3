/** Azure's template expressions (`[format('{0}/x', reference('y').z)]`): text to a tree. */

export type ArmNode =
  | { readonly kind: 'literal'; readonly value: string | number }
  | { readonly kind: 'call'; readonly name: string; readonly args: readonly ArmNode[] }
  | { readonly kind: 'member'; readonly of: ArmNode; readonly name: string }
  | { readonly kind: 'index'; readonly of: ArmNode; readonly index: ArmNode };

/** Whether a text of a template is an expression; `[[` is a text that starts with a bracket. */
export function isExpression(text: string): boolean {
  return text.startsWith('[') && !text.startsWith('[[') && text.endsWith(']');
}

/** Gives the tree of an expression. Throws an Error that says where it cannot be read. */
export function parseExpression(text: string): ArmNode {
  const parser = new ExpressionParser(text.slice(1, -1));
  return parser.parseWhole();
}

const IDENTIFIER = /[A-Za-z_][A-Za-z0-9_]*/y;
const NUMBER = /-?\d+/y;
const STRING = /'(?:[^']|'')*'/y;

class ExpressionParser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parseWhole(): ArmNode {
    const node = this.#parseNode();
    this.#skipSpace();
    if (this.#at < this.#text.length) throw this.#fault('something follows the expression');
    return node;
  }

  #parseNode(): ArmNode {
    let node = this.#parsePrimary();
    for (;;) {
      if (this.#takes('.')) {
        node = { kind: 'member', of: node, name: this.#require(IDENTIFIER, 'a name') };
      } else if (this.#takes('[')) {
        node = { kind: 'index', of: node, index: this.#parseNode() };
        if (!this.#takes(']')) throw this.#fault('"]" is missing');
      } else return node;
    }
  }

  #parsePrimary(): ArmNode {
    const quoted = this.#match(STRING);
    if (quoted !== undefined) return { kind: 'literal', value: quoted.slice(1, -1).replaceAll("''", "'") };
    const number = this.#match(NUMBER);
    if (number !== undefined) return { kind: 'literal', value: Number(number) };
    const name = this.#require(IDENTIFIER, 'a function, a text or a number');
    if (!this.#takes('(')) throw this.#fault('"(" is missing');
    return { kind: 'call', name, args: this.#parseArguments() };
  }

  #parseArguments(): readonly ArmNode[] {
    const args: ArmNode[] = [];
    if (this.#takes(')')) return args;
    for (;;) {
      args.push(this.#parseNode());
      if (this.#takes(')')) return args;
      if (!this.#takes(',')) throw this.#fault('"," or ")" is missing');
    }
  }

  #takes(sign: string): boolean {
    this.#skipSpace();
    if (!this.#text.startsWith(sign, this.#at)) return false;
    this.#at += sign.length;
    return true;
  }

  #require(pattern: RegExp, what: string): string {
    const found = this.#match(pattern);
    if (found === undefined) throw this.#fault(`${what} is missing`);
    return found;
  }

  #match(pattern: RegExp): string | undefined {
    this.#skipSpace();
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }

  #skipSpace(): void {
    while (this.#text[this.#at] === ' ') this.#at += 1;
  }

  #fault(what: string): Error {
    return new Error(`${what} at ${this.#at} of [${this.#text}]`);
  }
}
