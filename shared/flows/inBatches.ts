/** Gives the items in their order, `size` at a time. */
export function* chunksOf<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let from = 0; from < items.length; from += size) yield items.slice(from, from + size);
}

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
