/**
 * What a query shows after it has selected: `summarize`, `project` and `order by` are not computed here, as {@link parseQuery}
 * computes what comes before them, but every name in them is read.
 */

/** A query in two: the leading `where` and `extend`, which `parseQuery` reads, and the rest. */
export interface SplitQuery {
  readonly selecting: string;
  readonly showing: string;
}

/** Splits at the first step that is neither `where` nor `extend`. `showing` is empty where there is none. */
export function splitQuery(text: string): SplitQuery {
  const [table = '', ...steps] = text.trim().split(/\n\| /);
  const found = steps.findIndex((step) => !/^(?:where|extend) /.test(step));
  const end = found < 0 ? steps.length : found;
  return {
    selecting: [table, ...steps.slice(0, end)].join('\n| '),
    showing: steps.slice(end).join('\n| '),
  };
}

export interface ShownNames {
  /** Columns that the steps take from what was selected, without those that they compute themselves. */
  readonly columns: ReadonlySet<string>;
  /** `fields.x` */
  readonly fields: ReadonlySet<string>;
  /** `{x:grain}`: parameters of the workbook. */
  readonly parameters: ReadonlySet<string>;
}

const TOKEN = /\s*(?:"[^"]*"|\{(?<parameter>\w+):grain\}|\d+|(?<word>[A-Za-z_]\w*)|(?<sign>[|(),.=]))/y;

const functions: ReadonlySet<string> = new Set(
  'count sum max percentiles iff isempty tostring tolong todouble bin'.split(' '),
);
const keywords: ReadonlySet<string> = new Set('summarize project order by asc desc'.split(' '));

/** Reads the names out of `showing`. Throws an Error on a sign or a function that it does not know. */
export function readShownNames(showing: string): ShownNames {
  const columns = new Set<string>();
  const fields = new Set<string>();
  const parameters = new Set<string>();
  const own = new Set<string>();
  const tokens = readTokens(showing);
  for (const [index, { word, parameter }] of tokens.entries()) {
    if (parameter !== undefined) parameters.add(parameter);
    if (word === undefined) continue;
    const next = tokens[index + 1]?.sign;
    if (tokens[index - 1]?.sign === '.') fields.add(word);
    else if (next === '(') requireFunction(word);
    else if (next === '=') own.add(word);
    else if (!keywords.has(word)) columns.add(word);
  }
  return { columns: new Set([...columns].filter((column) => !own.has(column))), fields, parameters };
}

interface Token {
  readonly word?: string | undefined;
  readonly sign?: string | undefined;
  readonly parameter?: string | undefined;
}

function readTokens(text: string): readonly Token[] {
  const tokens: Token[] = [];
  const end = text.trimEnd().length;
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < end) {
    const at = TOKEN.lastIndex;
    const found = TOKEN.exec(text);
    if (found === null) throw new Error(`The query cannot be read at: ${text.slice(at, at + 40)}`);
    tokens.push({ ...found.groups });
  }
  return tokens;
}

function requireFunction(name: string): void {
  if (!functions.has(name)) throw new Error(`The function ${name} is not known to this check`);
}
