/**
 * Runs `run` for every item, at most `limit` at a time. Returns the results in the order of the items.
 * After an error it starts no more items, waits for those that have started, and throws the first error.
 *
 * @example
 * const teams = await inParallel(teamIds, 8, async (id) => client.findTeam(id));
 */
export async function inParallel<T, R>(
  items: readonly T[],
  limit: number,
  run: (item: T) => Promise<R>,
): Promise<R[]> {
  const results = Array.from<R>({ length: items.length });
  const errors: unknown[] = [];
  const pending = items.entries();
  const work = async (): Promise<void> => {
    for (const [index, item] of pending) {
      try {
        results[index] = await run(item);
      } catch (error) {
        errors.push(error);
      }
      if (errors.length > 0) return;
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, work));
  if (errors.length > 0) throw errors[0];
  return results;
}

/** Splits items into parts of `size`, in their order. The last part may be smaller. No items: no parts. */
export function chunksOf<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}
