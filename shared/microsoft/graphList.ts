import { toDotPath } from 'zod/v4/core';
import * as z from 'zod/mini';
import { AppError } from '../model/errors.ts';
import { type GraphOptions, type GraphToken, getFromGraph } from './graphRequest.ts';

/** More pages than any directory has. A list that doesn't end is an error. */
const MAX_PAGES = 1_000;

export interface GraphList<Item> {
  readonly items: readonly Item[];
  /** When Graph answered with the first page, by its own clock. ISO 8601 UTC. */
  readonly observedAt: string;
}

/**
 * Reads a complete list from Graph. It follows `@odata.nextLink` only to the configured origin, because it sends the
 * token along.
 * Throws `directory_answer_invalid` (an item that `itemSchema` refuses, a foreign or repeated next link, no `Date`)
 * and what {@link getFromGraph} throws. `path` starts with a slash; `budgetMs` limits how long it retries.
 */
export async function readGraphList<Item>(
  options: GraphOptions,
  token: GraphToken,
  list: { readonly path: string; readonly itemSchema: z.ZodMiniType<Item>; readonly budgetMs: number },
): Promise<GraphList<Item>> {
  const giveUpAtMs = options.clock.now().getTime() + list.budgetMs;
  const pageSchema = z.object({
    value: z.array(list.itemSchema),
    '@odata.nextLink': z.exactOptional(z.string()),
  });
  const items: Item[] = [];
  const seen = new Set<string>();
  let observedAt: string | undefined;
  let url: string | undefined = options.graphBaseUrl + list.path;
  while (url !== undefined) {
    if (seen.has(url) || seen.size === MAX_PAGES) throw invalid('endless_list');
    seen.add(url);
    const answer = await getFromGraph(options, token, { url, giveUpAtMs });
    const page = pageSchema.safeParse(parseJson(answer.text));
    if (!page.success) throw invalid(`page_${toDotPath(page.error.issues[0]?.path ?? [])}`);
    observedAt ??= readDate(answer.date);
    for (const item of page.data.value) items.push(item);
    url = page.data['@odata.nextLink'];
    if (url !== undefined && originOf(url) !== originOf(options.graphBaseUrl))
      throw invalid('foreign_next_link');
  }
  return { items, observedAt: observedAt ?? readDate(null) };
}

/** Requires the `Date` header, which decides which of two observations is newer. */
function readDate(date: string | null): string {
  const instantMs = Date.parse(date ?? '');
  if (Number.isNaN(instantMs)) throw invalid('date');
  return new Date(instantMs).toISOString();
}

function originOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).origin : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function invalid(fault: string): AppError {
  return new AppError('directory_answer_invalid', 'Graph answered with something else than a list', {
    details: { fault },
  });
}
