/** Fault switches: how an emulator fails on purpose. */
import type { ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { TLSSocket } from 'node:tls';
import { z } from 'zod';

/** What every fault of a call can do. Both emulators extend it. */
export const callFaultSchema = z.strictObject({
  /** Answers with this status. If neither a status nor anything else below is given, the call is only slow. */
  status: z.number().int().min(200).max(599).optional(),
  /** A `Retry-After` header of any text. */
  retryAfter: z.string().optional(),
  /** Acts on this many calls. Left out: until cleared. */
  times: z.number().int().min(1).optional(),
  delayMs: z.number().int().min(0).optional(),
  /** Answers with this text instead of an error of the right shape. */
  body: z.string().optional(),
});

interface CountedFault {
  readonly times?: number | undefined;
  /** Lets this many calls pass before it acts. */
  readonly skip?: number | undefined;
}

/** The switches that are on, and how often each counted fault has met a call. */
export class FaultSwitches<Faults extends object> {
  #current: Faults;
  #counts = new Map<CountedFault, number>();
  readonly #none: Faults;
  readonly #changed: () => void;

  /** `none` has every switch off. `changed` runs whenever the switches are replaced. */
  constructor(none: Faults, changed: () => void = () => undefined) {
    this.#none = none;
    this.#current = none;
    this.#changed = changed;
  }

  get current(): Faults {
    return this.#current;
  }

  /** Replaces all switches. A switch that is left out is off. Counting starts again. */
  replace(faults: Faults): void {
    this.#current = faults;
    this.#counts = new Map();
    this.#changed();
  }

  /** Switches on what is given and leaves the other switches as they are. */
  set(faults: Faults): void {
    this.#current = { ...this.#current, ...faults };
  }

  clear(): void {
    this.replace(this.#none);
  }

  /** Counts a call that the fault matches, and returns whether the fault acts on it. */
  acts(fault: CountedFault): boolean {
    const count = this.#counts.get(fault) ?? 0;
    this.#counts.set(fault, count + 1);
    const acted = count - (fault.skip ?? 0);
    return acted >= 0 && acted < (fault.times ?? Infinity);
  }
}

export interface ActableFault extends z.output<typeof callFaultSchema> {
  /** Breaks the connection instead of answering. */
  readonly hangUp?: boolean | undefined;
}

export interface ActOutOptions {
  /** The content type of a fault's own text. */
  readonly textType: 'application/json' | 'text/plain';
  /** Returns the JSON of an error with this status, for a fault without a text. */
  readonly renderError: (status: number) => object;
}

/**
 * Waits, breaks the connection, or answers with the fault's status and body. Returns whether the request is now
 * answered.
 */
export async function actOutFault(
  fault: ActableFault,
  response: ServerResponse,
  { textType, renderError }: ActOutOptions,
): Promise<boolean> {
  if (fault.delayMs !== undefined) {
    await delay(fault.delayMs);
  }
  if (fault.hangUp === true) {
    hangUp(response);
    return true;
  }
  if (fault.status === undefined && fault.body === undefined) {
    return false;
  }
  const status = fault.status ?? 200;
  if (fault.retryAfter !== undefined) {
    response.setHeader('retry-after', fault.retryAfter);
  }
  const contentType = fault.body === undefined ? 'application/json' : textType;
  response.writeHead(status, { 'content-type': `${contentType}; charset=utf-8` });
  response.end(fault.body ?? JSON.stringify(renderError(status)));
  return true;
}

/** Breaks the connection: with a TCP reset if there is no TLS, because TLS cannot do that. */
function hangUp(response: ServerResponse): void {
  if (response.socket instanceof TLSSocket) {
    response.destroy();
  } else {
    response.socket?.resetAndDestroy();
  }
}
