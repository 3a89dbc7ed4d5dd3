/** Remembers which ids were seen, in memory that does not grow. */
import { createHash } from 'node:crypto';

/** 2 MiB: room for as many ids as a directory of people has, and half as many again. */
const DEFAULT_SLOTS = 1 << 18;
/** Slots that are tried for an id before an older one loses its place. */
const PROBES = 64;

/** Two ids that have the same 64 bits are taken for one: of 100,000 ids that happens once in billions of times. */
export class IdFingerprints {
  readonly #slots: BigUint64Array;

  constructor(slots: number = DEFAULT_SLOTS) {
    this.#slots = new BigUint64Array(slots);
  }

  /** Gives whether the id was not seen before; with more ids than slots a seen one may count as new again, never the reverse. */
  add(id: string): boolean {
    const digest = createHash('sha256').update(id).digest();
    // 0 marks a free slot.
    const print = digest.readBigUInt64LE() || 1n;
    const first = digest.readUInt32LE(8) % this.#slots.length;
    for (let probe = 0; probe < PROBES; probe += 1) {
      const slot = (first + probe) % this.#slots.length;
      const kept = this.#slots[slot];
      if (kept === print) return false;
      if (kept === 0n) {
        this.#slots[slot] = print;
        return true;
      }
    }
    this.#slots[first] = print;
    return true;
  }
}
