/** Finds the names in a query of Azure Monitor (KQL), so that tests can compare them with the names that the code writes. */

export interface QueryNames {
  /** The texts that look like the name of an event, such as `signin.complete`. */
  readonly events: readonly string[];
  /** The texts that look like a code or a status, such as `held_back`. */
  readonly codes: readonly string[];
  /** The members of an event, such as `x` in `fields.x`, and those of an entry in one of its lists. */
  readonly members: readonly string[];
  /** The table and its columns: every other word that is not part of the language and not defined by the query. */
  readonly columns: readonly string[];
}

/** The words of the language that the product's queries use. */
const language: ReadonlySet<string> = new Set(
  `where extend summarize project order by asc desc and or in startswith endswith parse_json tostring tolong todouble isempty
  isnotempty iff count countif sum max percentiles bin mv expand union isfuzzy true datatable datetime string`.split(
    /\s+/,
  ),
);

export function readQueryNames(query: string): QueryNames {
  const texts = [...query.matchAll(/"([^"]*)"/g)].map(([, text = '']) => text);
  const entries = [...query.matchAll(/\bmv-expand (\w+) =/g)].map(([, name]) => name);
  const member = new RegExp(`\\b(?:${['fields', ...entries].join('|')})\\.(\\w+)`, 'g');
  const rest = query
    .replaceAll(/"[^"]*"/g, '')
    .replaceAll(member, '')
    .replaceAll('{timeRange:grain}', '');
  const own = new Set([...rest.matchAll(/(\w+)\s*=(?![=~])/g)].map(([, name]) => name));
  const words = [...rest.matchAll(/\b[A-Za-z_]\w*/g)].map(([word]) => word);
  return {
    events: texts.filter((text) => /^(?:[a-z]+\.[a-z]+|heartbeat)$/.test(text)),
    codes: texts.filter((text) => /^[a-z]+(?:_[a-z]+)+$/.test(text)),
    members: [...query.matchAll(member)].map(([, name = '']) => name),
    columns: words.filter((word) => !language.has(word) && !own.has(word)),
  };
}
