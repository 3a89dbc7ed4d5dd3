/** A set of very many ids in little memory. */
import { createHash } from 'node:crypto';

/** 2 MiB: room for one and a half times the people of a large directory. */
const DEFAULT_SLOTS = 1 << 18;
/** How many slots are tried for an id before it replaces an older one. */
const PROBES = 64;

/** Two ids with the same 64 bits count as one. Among 100,000 ids, the odds are one in billions. */
export class IdFingerprints {
  readonly #slots: BigUint64Array;

  constructor(slots: number = DEFAULT_SLOTS) {
    this.#slots = new BigUint64Array(slots);
  }

  /** Returns whether the id was added. With more ids than slots, an added one may be forgotten, but a new one never counts as added. */
  has(id: string): boolean {
    return !this.#place(id).isNew;
  }

  /** Returns whether the id is new. With more ids than slots, a seen id may count as new again, but a new one never as seen. */
  add(id: string): boolean {
    const { print, slot, isNew } = this.#place(id);
    if (isNew) this.#slots[slot] = print;
    return isNew;
  }

  /** Returns the slot that has the id, or the slot to put it into. */
  #place(id: string): { readonly print: bigint; readonly slot: number; readonly isNew: boolean } {
    const digest = createHash('sha256').update(id).digest();
    // 0 marks a free slot.
    const print = digest.readBigUInt64LE() || 1n;
    const first = digest.readUInt32LE(8) % this.#slots.length;
    for (let probe = 0; probe < PROBES; probe += 1) {
      const slot = (first + probe) % this.#slots.length;
      const kept = this.#slots[slot];
      if (kept === print) return { print, slot, isNew: false };
      if (kept === 0n) return { print, slot, isNew: true };
    }
    return { print, slot: first, isNew: true };
  }
}
