import { toDotPath } from 'zod/v4/core';
import * as z from 'zod/mini';
import { AppError } from '../model/errors.ts';
import { type GraphOptions, type GraphToken, getFromGraph } from './graphRequest.ts';

/** More pages than any directory has: a list that never ends is an error, not a reason to go on. */
const MAX_PAGES = 1_000;

export interface GraphList<Item> {
  readonly items: readonly Item[];
  /** When Graph answered with the first page, by its own clock. ISO 8601 UTC. */
  readonly observedAt: string;
}

/**
 * Reads a list of Graph to its end: all of it, or an error. `@odata.nextLink` is followed only to the configured origin, since
 * the token goes with it.
 * Throws `directory_answer_invalid` (an item that `itemSchema` refuses, a foreign or repeated next link, no `Date`) and what
 * {@link getFromGraph} throws. `path` starts with a slash; `budgetMs` bounds how long retries go on.
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

/** Without it nobody could say which of two observations is the newer one. */
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
