/** The record of what an emulator was asked. Tests count the product's requests with it. */
import type { ServerResponse } from 'node:http';

/** What both emulators record of a request. */
export interface RecordedBasics {
  readonly method: string;
  readonly path: string;
  /** When it arrived, ISO 8601 UTC. */
  readonly at: string;
  /** `0` until it is answered, and for ever if the connection breaks. */
  status: number;
  durationMs: number;
}

const kept = 50_000;

/** The last 50,000 requests, oldest first. */
export class RequestRecord<Recorded extends RecordedBasics> {
  #all: Recorded[] = [];
  readonly #isKeptForEver: (request: Recorded) => boolean;

  /** Requests for which `isKeptForEver` returns true stay until the record is cleared. */
  constructor(isKeptForEver: (request: Recorded) => boolean = () => false) {
    this.#isKeptForEver = isKeptForEver;
  }

  get all(): readonly Recorded[] {
    return this.#all;
  }

  /** Adds a request, and fills in its status and duration when `response` is sent. Returns the request. */
  start(request: Recorded, response: ServerResponse): Recorded {
    const startedMs = performance.now();
    this.#all.push(request);
    if (this.#all.length > kept) {
      const oldest = this.#all.findIndex((each) => !this.#isKeptForEver(each));
      this.#all.splice(Math.max(oldest, 0), 1);
    }
    response.once('finish', () => {
      request.status = response.statusCode;
      request.durationMs = Math.round(performance.now() - startedMs);
    });
    return request;
  }

  clear(): void {
    this.#all = [];
  }
}
