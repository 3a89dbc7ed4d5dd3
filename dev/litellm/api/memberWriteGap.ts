/** The moment between reading and writing a team's members, in which older versions lose writes. */
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';

import type { LitellmFaultSwitches } from '../faults.ts';

const barrierTimeoutMs = 1000;
/** Longer than the time between requests that are sent together, and too short to notice. */
const crowdedGapMs = 5;

/** Makes writes of one team wait for each other, so that they overlap whenever they are sent together. */
export class MemberWriteGap {
  readonly #faults: LitellmFaultSwitches;
  readonly #requestsInFlight: () => number;
  readonly #waiting = new Map<string, (() => void)[]>();

  constructor(faults: LitellmFaultSwitches, requestsInFlight: () => number) {
    this.#faults = faults;
    this.#requestsInFlight = requestsInFlight;
  }

  /** Resolves when a call that has read the members may write them. */
  async pass(teamId: string): Promise<void> {
    const { memberWriteGapMs, memberWritesTogether } = this.#faults.current;
    if (memberWritesTogether !== undefined) {
      await this.#waitForOthers(teamId, memberWritesTogether);
      return;
    }
    // A single write cannot overlap with another, so it needn't be slow.
    await nextTurn();
    await nextTurn();
    if (memberWriteGapMs !== undefined) await delay(memberWriteGapMs);
    else if (this.#requestsInFlight() > 1) await delay(crowdedGapMs);
  }

  async #waitForOthers(teamId: string, count: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const waiting = this.#waiting.get(teamId) ?? [];
      this.#waiting.set(teamId, waiting);
      const timer = setTimeout(leave, barrierTimeoutMs);
      function leave(): void {
        clearTimeout(timer);
        const index = waiting.indexOf(leave);
        if (index >= 0) waiting.splice(index, 1);
        resolve();
      }
      waiting.push(leave);
      if (waiting.length >= count) {
        for (const go of waiting.splice(0)) go();
      }
    });
  }
}
