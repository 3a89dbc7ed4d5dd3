import { describeValue } from './configFault.ts';

/** The tokens that decide which strings are keys: strings (a key has a colon after it), and the start and end of objects. */
const tokens = /"(?:[^"\\]|\\.)*"(?:[ \t\r\n]*:)?|[{}]/gs;

/**
 * Returns a text about the first key of valid JSON that occurs twice in its object, or that is `__proto__`; otherwise undefined.
 * JSON.parse reports neither.
 */
export function findBadKey(json: string): string | undefined {
  const open: Set<string>[] = [];
  for (const [token] of json.matchAll(tokens)) {
    if (token === '{') open.push(new Set());
    else if (token === '}') open.pop();
    else if (token.endsWith(':')) {
      const key: unknown = JSON.parse(token.slice(0, token.lastIndexOf('"') + 1));
      const keys = open.at(-1);
      if (typeof key !== 'string' || keys === undefined) continue;
      if (key === '__proto__') return 'the key "__proto__"';
      if (keys.has(key)) return `the key ${describeValue(key)} twice`;
      keys.add(key);
    }
  }
  return undefined;
}
