/**
 * As much of the Kusto query language as our alerts use, so that they can be run on the events that the code writes: `where`
 * and `extend` over one table, comparisons, `in`, `and`, `or`. Whatever else appears is an error, not a guess.
 */

type Value = string | number | boolean | undefined | { readonly [key: string]: unknown };
export type Row = Readonly<Record<string, Value>>;

interface Column {
  readonly name: string;
  readonly of: Expression;
}

type Expression =
  | { readonly kind: 'literal'; readonly value: string }
  | { readonly kind: 'column'; readonly name: string }
  | { readonly kind: 'field'; readonly of: Expression; readonly name: string }
  | { readonly kind: 'call'; readonly name: string; readonly args: readonly Expression[] }
  | {
      readonly kind: 'binary';
      readonly operator: string;
      readonly left: Expression;
      readonly right: Expression;
    }
  | {
      readonly kind: 'list';
      readonly operator: string;
      readonly left: Expression;
      readonly items: readonly string[];
    };

type Step =
  | { readonly kind: 'where'; readonly condition: Expression }
  | { readonly kind: 'extend'; readonly columns: readonly Column[] };

export interface Query {
  readonly table: string;
  readonly steps: readonly Step[];
}

const TOKEN =
  /\s*(?:(?<text>"(?:[^"\\]|\\.)*")|(?<word>[A-Za-z_][A-Za-z0-9_]*)|(?<sign>==|!=|!in\b|[|(),.=]))/y;

/** Reads a query. Throws an Error on anything outside the subset. */
export function parseQuery(text: string): Query {
  return new QueryParser(readTokens(text)).parse();
}

function readTokens(text: string): readonly string[] {
  const tokens: string[] = [];
  const end = text.trimEnd().length;
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < end) {
    const at = TOKEN.lastIndex;
    const token = TOKEN.exec(text)?.[0].trim();
    if (token === undefined) throw new Error(`The query cannot be read at: ${text.slice(at, at + 40)}`);
    tokens.push(token);
  }
  return tokens;
}

const comparisons: ReadonlySet<string> = new Set(['==', '!=', 'startswith', 'endswith']);

class QueryParser {
  readonly #tokens: readonly string[];
  #at = 0;

  constructor(tokens: readonly string[]) {
    this.#tokens = tokens;
  }

  parse(): Query {
    const table = this.#next();
    const steps: Step[] = [];
    while (this.#at < this.#tokens.length) {
      this.#require('|');
      const kind = this.#next();
      if (kind === 'where') steps.push({ kind, condition: this.#parseOr() });
      else if (kind === 'extend') steps.push({ kind, columns: this.#parseColumns() });
      else throw new Error(`The operator ${kind} is not known to this check`);
    }
    return { table, steps };
  }

  #parseColumns(): readonly Column[] {
    const columns: Column[] = [];
    do {
      const name = this.#next();
      this.#require('=');
      columns.push({ name, of: this.#parseOr() });
    } while (this.#takes(','));
    return columns;
  }

  #parseOr(): Expression {
    let left = this.#parseAnd();
    while (this.#takes('or')) left = { kind: 'binary', operator: 'or', left, right: this.#parseAnd() };
    return left;
  }

  #parseAnd(): Expression {
    let left = this.#parseComparison();
    while (this.#takes('and')) {
      left = { kind: 'binary', operator: 'and', left, right: this.#parseComparison() };
    }
    return left;
  }

  #parseComparison(): Expression {
    const left = this.#parseOperand();
    const operator = this.#tokens[this.#at];
    if (operator !== undefined && comparisons.has(operator)) {
      this.#at += 1;
      return { kind: 'binary', operator, left, right: this.#parseOperand() };
    }
    if (operator === 'in' || operator === '!in') {
      this.#at += 1;
      return { kind: 'list', operator, left, items: this.#parseTexts() };
    }
    return left;
  }

  #parseOperand(): Expression {
    if (this.#takes('(')) {
      const inner = this.#parseOr();
      this.#require(')');
      return inner;
    }
    const token = this.#next();
    if (token.startsWith('"')) return { kind: 'literal', value: textOf(token) };
    let node: Expression = this.#takes('(')
      ? { kind: 'call', name: token, args: this.#parseArguments() }
      : { kind: 'column', name: token };
    while (this.#takes('.')) node = { kind: 'field', of: node, name: this.#next() };
    return node;
  }

  #parseArguments(): readonly Expression[] {
    const args: Expression[] = [];
    do args.push(this.#parseOr());
    while (this.#takes(','));
    this.#require(')');
    return args;
  }

  #parseTexts(): readonly string[] {
    const texts: string[] = [];
    this.#require('(');
    do texts.push(textOf(this.#next()));
    while (this.#takes(','));
    this.#require(')');
    return texts;
  }

  #next(): string {
    const token = this.#tokens[this.#at];
    if (token === undefined) throw new Error('The query ends too early');
    this.#at += 1;
    return token;
  }

  #takes(token: string): boolean {
    if (this.#tokens[this.#at] !== token) return false;
    this.#at += 1;
    return true;
  }

  #require(token: string): void {
    const found = this.#next();
    if (found !== token) throw new Error(`"${token}" is expected in the query, not "${found}"`);
  }
}

function textOf(token: string): string {
  return token.slice(1, -1).replaceAll(/\\(.)/g, '$1');
}

/** Gives the rows that the query selects, as they were before it computed columns. */
export function selectRows<T extends Row>(query: Query, rows: readonly T[]): readonly T[] {
  return rows.filter((row) => {
    const current: Record<string, Value> = { ...row };
    for (const step of query.steps) {
      if (step.kind === 'where') {
        if (compute(step.condition, current) !== true) return false;
        continue;
      }
      for (const { name, of } of step.columns) current[name] = compute(of, current);
    }
    return true;
  });
}

function compute(node: Expression, row: Row): Value {
  switch (node.kind) {
    case 'literal':
      return node.value;
    case 'column':
      if (!(node.name in row)) throw new Error(`There is no column ${node.name}`);
      return row[node.name];
    case 'field': {
      const of = compute(node.of, row);
      const value = typeof of === 'object' ? of[node.name] : undefined;
      return isValue(value) ? value : undefined;
    }
    case 'call':
      return computeCall(
        node.name,
        node.args.map((each) => compute(each, row)),
      );
    case 'list':
      return node.items.includes(printed(compute(node.left, row))) === (node.operator === 'in');
    case 'binary':
      return computeBinary(node, row);
    default:
      throw new Error('This is no expression');
  }
}

function computeBinary(node: Extract<Expression, { kind: 'binary' }>, row: Row): Value {
  const left = compute(node.left, row);
  const right = compute(node.right, row);
  switch (node.operator) {
    case 'and':
      return left === true && right === true;
    case 'or':
      return left === true || right === true;
    case '==':
      return left === right;
    case '!=':
      return left !== right;
    case 'endswith':
      return printed(left).toLowerCase().endsWith(printed(right).toLowerCase());
    default:
      return printed(left).toLowerCase().startsWith(printed(right).toLowerCase());
  }
}

function computeCall(name: string, [argument]: readonly Value[]): Value {
  switch (name) {
    case 'parse_json':
      return parsed(printed(argument));
    case 'tostring':
      return printed(argument);
    case 'isnotempty':
      return printed(argument) !== '';
    case 'isempty':
      return printed(argument) === '';
    default:
      throw new Error(`The function ${name} is not known to this check`);
  }
}

/** Text that is no JSON stays text, as in Kusto. */
function parsed(text: string): Value {
  try {
    const value: unknown = JSON.parse(text);
    return isValue(value) ? value : undefined;
  } catch {
    return text;
  }
}

/** As `tostring` writes it: nothing is the empty text. */
function printed(value: Value): string {
  if (value === undefined) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function isValue(value: unknown): value is Value {
  return value !== null && ['string', 'number', 'boolean', 'object'].includes(typeof value);
}

/** What a query names of what others write. */
export interface QueryNames {
  readonly table: string;
  /** Columns of the table, without those that the query computes itself. */
  readonly columns: ReadonlySet<string>;
  /** `fields.x`: members of the event's JSON. */
  readonly fields: ReadonlySet<string>;
  /** What the column of that name is compared with. */
  readonly comparedWith: ReadonlyMap<string, ReadonlySet<string>>;
}

/** Gives every name in the query that must be known to whoever writes the table. */
export function namesOf(query: Query): QueryNames {
  const columns = new Set<string>();
  const fields = new Set<string>();
  const comparedWith = new Map<string, Set<string>>();
  const own = new Set<string>();
  const note = (left: Expression, texts: readonly string[]): void => {
    if (left.kind !== 'column') return;
    comparedWith.set(left.name, new Set([...(comparedWith.get(left.name) ?? []), ...texts]));
  };
  const visit = (node: Expression): void => {
    if (node.kind === 'column' && !own.has(node.name)) columns.add(node.name);
    if (node.kind === 'field') {
      fields.add(node.name);
      visit(node.of);
    }
    if (node.kind === 'call') for (const each of node.args) visit(each);
    if (node.kind === 'list') {
      note(node.left, node.items);
      visit(node.left);
    }
    if (node.kind === 'binary') {
      if (node.right.kind === 'literal') note(node.left, [node.right.value]);
      visit(node.left);
      visit(node.right);
    }
  };
  for (const step of query.steps) {
    if (step.kind === 'where') visit(step.condition);
    else
      for (const { name, of } of step.columns) {
        visit(of);
        own.add(name);
      }
  }
  return { table: query.table, columns, fields, comparedWith };
}
