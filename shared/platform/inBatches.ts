import { chunksOf } from './chunksOf.ts';

/**
 * Runs `run` for every item, `size` at a time, and gives the results in the order of the items. The first failure is thrown, and
 * no further batch is begun.
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
