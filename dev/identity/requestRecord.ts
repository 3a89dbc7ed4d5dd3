/** What was asked of the emulator: tests count the product's requests with it. */

export const requestKinds = [
  'discovery',
  'jwks',
  'authorize',
  'interaction',
  'token',
  'graph',
  'managedIdentity',
  'other',
] as const;
export type RequestKind = (typeof requestKinds)[number];

export interface RecordedRequest {
  readonly kind: RequestKind;
  readonly method: string;
  /** With the query for Graph alone: elsewhere it holds codes and states. */
  readonly path: string;
  /** When it came, ISO 8601 UTC. */
  readonly at: string;
  /** The grant at the token endpoint. */
  grantType?: string;
  /** Whose access token came with it. */
  tokenKind?: 'none' | 'invalid' | 'delegated' | 'application';
  /** `0` while unanswered, or when the connection broke. */
  status: number;
  durationMs: number;
}

export interface RequestSummary {
  readonly requests: readonly RecordedRequest[];
  readonly counts: Readonly<Record<RequestKind, number>>;
}

const kept = 10_000;

/** The last 10,000 requests, oldest first, and how many of each kind there were since it was cleared. */
export class RequestRecord {
  #requests: RecordedRequest[] = [];
  #counts = new Map<RequestKind, number>();

  add(request: RecordedRequest): RecordedRequest {
    this.#requests.push(request);
    if (this.#requests.length > kept) {
      this.#requests.shift();
    }
    this.#counts.set(request.kind, (this.#counts.get(request.kind) ?? 0) + 1);
    return request;
  }

  clear(): void {
    this.#requests = [];
    this.#counts = new Map();
  }

  summary(): RequestSummary {
    const count = (kind: RequestKind): number => this.#counts.get(kind) ?? 0;
    return {
      requests: this.#requests,
      counts: {
        discovery: count('discovery'),
        jwks: count('jwks'),
        authorize: count('authorize'),
        interaction: count('interaction'),
        token: count('token'),
        graph: count('graph'),
        managedIdentity: count('managedIdentity'),
        other: count('other'),
      },
    };
  }
}
