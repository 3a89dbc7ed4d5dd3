/** Shows that a flow keeps no more objects than it should, however much it works through. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Counts objects that were not garbage collected yet. */
export class Alive {
  readonly #refs = new Map<string, WeakRef<object>[]>();
  readonly most = new Map<string, number>();
  readonly #collect: () => void;

  constructor() {
    setFlagsFromString('--expose-gc');
    const collect: unknown = runInNewContext('gc');
    if (typeof collect !== 'function') throw new Error('The collector cannot be called.');
    this.#collect = () => void Reflect.apply(collect, undefined, []);
  }

  add<T extends object>(kind: string, objects: readonly T[]): readonly T[] {
    const refs = this.#refs.get(kind) ?? [];
    refs.push(...objects.map((object) => new WeakRef(object)));
    this.#refs.set(kind, refs);
    return objects;
  }

  /** Runs in a separate task, because a reference that was read lives until the task ends. */
  async count(): Promise<void> {
    await new Promise((resolve) => void setImmediate(resolve));
    this.#collect();
    for (const [kind, refs] of this.#refs) {
      const alive = refs.filter((ref) => ref.deref() !== undefined);
      this.#refs.set(kind, alive);
      this.most.set(kind, Math.max(this.most.get(kind) ?? 0, alive.length));
    }
    await new Promise((resolve) => void setImmediate(resolve));
  }
}
