/** Freezes a value and everything in it, in place, and returns it. A Map needs {@link frozenMap}. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  const held: readonly unknown[] = Object.values(value);
  for (const inner of held) deepFreeze(inner);
  return Object.freeze(value);
}

/** Returns a Map that refuses every change. `Object.freeze` alone does not protect a Map's entries. */
export function frozenMap<K, V>(entries: Iterable<readonly [K, V]>): ReadonlyMap<K, V> {
  const refuse = {
    value: () => {
      throw new TypeError('This map is frozen.');
    },
  };
  return Object.freeze(
    Object.defineProperties(new Map(entries), { set: refuse, delete: refuse, clear: refuse }),
  );
}
