/** What was asked of the proxy. Keys are never in it. */

export interface RecordedRequest {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** As it was sent; `undefined` where there was none or it was no JSON. */
  body?: unknown;
  /** When it came, ISO 8601 UTC. */
  readonly at: string;
  /** `0` while unanswered, or when the connection broke. */
  status: number;
  durationMs: number;
  /** It changes rows, or would. */
  readonly isWrite: boolean;
  /** It destroys keys: `POST /team/delete`, `DELETE /organization/delete`. */
  readonly isDestructive: boolean;
  /** What LiteLLM would silently ignore: fields, query parameters. */
  readonly warnings: string[];
  /** The header `litellm-changed-by`, where the endpoint reads it. */
  changedBy?: string;
}

const destructiveCalls: ReadonlySet<string> = new Set(['POST /team/delete', 'DELETE /organization/delete']);
const kept = 50_000;

/** The last 50,000 requests, oldest first; those that destroy keys are all kept. */
export class RequestRecord {
  #all: RecordedRequest[] = [];
  #destructive: RecordedRequest[] = [];

  get all(): readonly RecordedRequest[] {
    return this.#all;
  }

  /** Those that change rows. */
  get writes(): readonly RecordedRequest[] {
    return this.#all.filter((request) => request.isWrite);
  }

  /** Every call that would have destroyed keys, answered or not. */
  get destructive(): readonly RecordedRequest[] {
    return this.#destructive;
  }

  /** Every warning, with the call that it is about. */
  get warnings(): readonly string[] {
    return this.#all.flatMap(({ method, path, warnings }) =>
      warnings.map((warning) => `${method} ${path}: ${warning}`),
    );
  }

  start(method: string, url: URL): RecordedRequest {
    const call = `${method} ${url.pathname}`;
    const request: RecordedRequest = {
      method,
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      at: new Date().toISOString(),
      status: 0,
      durationMs: 0,
      // A deprecated way to read.
      isWrite: method !== 'GET' && call !== 'POST /organization/info',
      isDestructive: destructiveCalls.has(call),
      warnings: [],
    };
    this.#all.push(request);
    if (this.#all.length > kept) this.#all.shift();
    if (request.isDestructive) this.#destructive.push(request);
    return request;
  }

  clear(): void {
    this.#all = [];
    this.#destructive = [];
  }
}
