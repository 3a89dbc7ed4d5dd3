import { chunksOf } from './chunksOf.ts';

/**
 * Runs `run` for every item, `size` at a time, and returns the results in the order of the items. Throws the first
 * failure and starts no further batch.
 */
export async function inBatches<T, R>(
  items: readonly T[],
  size: number,
  run: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  for (const chunk of chunksOf(items, size)) results.push(...(await Promise.all(chunk.map(run))));
  return results;
}
