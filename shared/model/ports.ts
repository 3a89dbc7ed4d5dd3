/** What the product needs from the outside world, as types. Each has at least two implementations: the real one, and one for tests. */
import type { AssignedGroup } from './assignedGroups.ts';

export interface Clock {
  now(): Date;
}

/** The part of the global `fetch` that is used: bodies are strings, and redirects are never followed. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** A verified id_token, read into what this product needs. */
export interface IdTokenClaims {
  readonly userId: string;
  readonly tenantId: string;
  readonly displayName?: string;
  /** The `email` claim. */
  readonly email?: string;
  /** `preferred_username`: the UPN. */
  readonly preferredUsername?: string;
  readonly appRoles: readonly string[];
  /** `iat`, ISO 8601 UTC. */
  readonly issuedAt: string;
  /**
   * `listed`: the `groups` claim. `overage`: Entra pointed to Graph instead (more than 200 groups).
   * `missing`: no claim at all. Entra also leaves an empty claim out, so Graph has to be asked.
   */
  readonly groups:
    | { readonly kind: 'listed'; readonly groupIds: readonly string[] }
    | { readonly kind: 'overage' }
    | { readonly kind: 'missing' };
}

export interface AuthorizeRequest {
  readonly state: string;
  readonly nonce: string;
  /** PKCE S256 challenge, base64url. */
  readonly codeChallenge: string;
  readonly loginHint?: string;
  /** Makes Microsoft show the list of accounts instead of using the one that is already signed in. */
  readonly selectAccount?: boolean;
  /** A claims challenge to replay (conditional access). */
  readonly claims?: string;
}

export interface RedeemRequest {
  readonly code: string;
  readonly codeVerifier: string;
  readonly nonce: string;
}

/** The result of redeeming an authorization code. */
export interface RedeemedCode {
  readonly claims: IdTokenClaims;
  readonly accessToken: string;
  /**
   * When Entra stated the claims: the token answer's `Date`, ISO 8601 UTC. Not `iat`, which Entra dates back by five minutes
   * and which therefore cannot be compared with Graph's `Date` (docs/decisions/0003-observation-clock.md).
   */
  readonly answeredAt: string;
}

/** The OAuth side of Entra ID. The redirect URI is always the configured one. */
export interface Identity {
  createAuthorizeUrl(request: AuthorizeRequest): Promise<string>;
  /**
   * Redeems a code (one token request) and verifies the id_token's signature, algorithm, issuer, audience,
   * times, tenant and nonce.
   * Throws AppError: `code_refused`, `consent_missing`, `consent_declined`, `not_assigned`, `account_disabled`, `credential_refused`,
   * `interaction_required` (details.claims: the challenge), `microsoft_unreachable` (retryable),
   * `id_token_invalid`, `wrong_tenant`, `clock_skew`, `sign_in_refused` (any other refusal by Entra).
   */
  redeemCode(request: RedeemRequest): Promise<RedeemedCode>;
}

/** Microsoft Graph. Reads are complete or throw. */
export interface Directory {
  /**
   * Reads every group of which the signed-in person is a direct member (`/me/memberOf`, all pages), and the instant
   * of the first page by Graph's clock.
   * Throws `directory_unreachable` (retryable), `directory_permission_missing`, `directory_answer_invalid`.
   */
  readMyGroupIds(
    accessToken: string,
  ): Promise<{ readonly groupIds: readonly string[]; readonly observedAt: string }>;
  /**
   * Reads every group that is assigned to the Enterprise Application (`appRoleAssignedTo`, all pages, app-only), sorted by id.
   * Throws as {@link Directory.readMyGroupIds}.
   */
  readAssignedGroups(): Promise<readonly AssignedGroup[]>;
}

/** A message that the host may take now. */
export interface VisibleMessage {
  readonly id: string;
  /** When it was put into the queue. If it had a delay, it became visible later. ISO 8601 UTC, to the second. */
  readonly insertedAt: string;
  /** How often the host has taken it. */
  readonly deliveries: number;
}

/** The visible messages at the front of a queue. */
export interface VisibleMessages {
  /** When the queue answered, by its own clock, which dates `insertedAt` too. ISO 8601 UTC. */
  readonly at: string;
  /** At most 32. */
  readonly messages: readonly VisibleMessage[];
  /** Whether these are all visible messages of the queue. */
  readonly isComplete: boolean;
}

/** A queue of this product. Messages do not expire. */
export interface MessageQueue {
  /** Adds one message, visible after `delaySeconds` (default 0, at most 7 days). Throws `storage_unavailable`. */
  enqueue(text: string, options?: { readonly delaySeconds?: number }): Promise<void>;
  /** Checks that the queue exists and answers: one request. Throws `storage_unavailable`, `storage_refused`. */
  check(): Promise<void>;
  /**
   * Looks at the visible messages and takes none: one request. Messages that are delayed or being worked on are not visible. Reads no
   * text. Throws `storage_unavailable`, `storage_refused`.
   */
  peek(): Promise<VisibleMessages>;
}

/** The source of secrets and ids. */
export interface Random {
  /** Returns cryptographically strong random bytes. */
  bytes(count: number): Uint8Array;
  /** Returns a UUID that sorts after those of earlier milliseconds. Of two observations in the same second, the id decides. */
  uuid(): string;
}
