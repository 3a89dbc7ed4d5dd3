import { AssertionError } from 'node:assert';
import { parseQuery } from '../kql.ts';
import type { Query } from '../kql.ts';

/** Reads a query of the template. Throws an AssertionError on what `parseQuery` cannot read. */
export function requireQuery(text: string): Query {
  try {
    return parseQuery(text);
  } catch (error) {
    throw new AssertionError({ message: `${String(error)} in:\n${text}` });
  }
}
