/** What the flows need from the outside world, as types only. */
import type { AssignedGroup } from './assignedGroups.ts';

export interface Clock {
  now(): Date;
}

/** The part of the global `fetch` that adapters use: bodies are strings, redirects are never followed. A test can stand in for it. */
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
   * `missing`: no claim at all, which Entra also does where it would be empty: ask Graph.
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
  /** Asks Microsoft to show the accounts instead of taking the one that is signed in there. */
  readonly selectAccount?: boolean;
  /** A claims challenge to replay (conditional access). */
  readonly claims?: string;
}

export interface RedeemRequest {
  readonly code: string;
  readonly codeVerifier: string;
  readonly nonce: string;
}

/** What a code was good for. */
export interface RedeemedCode {
  readonly claims: IdTokenClaims;
  readonly accessToken: string;
  /**
   * When Entra stated the claims: the token answer's `Date`, ISO 8601 UTC. Not `iat`, which Entra dates back by five minutes
   * and which therefore cannot be compared with Graph's `Date` (docs/decisions/0003-observation-clock.md).
   */
  readonly answeredAt: string;
}

/** Entra ID's OAuth half. The redirect URI is the configured one, always. */
export interface Identity {
  createAuthorizeUrl(request: AuthorizeRequest): Promise<string>;
  /**
   * Redeems a code (one token request) and verifies the id_token's signature, algorithm, issuer, audience,
   * times, tenant and nonce.
   * Throws AppError: `code_refused`, `consent_missing`, `consent_declined`, `not_assigned`, `account_disabled`, `credential_refused`,
   * `interaction_required` (details.claims: the challenge), `microsoft_unreachable` (retryable),
   * `id_token_invalid`, `wrong_tenant`, `clock_skew`, `sign_in_refused` (whatever else Entra says no with).
   */
  redeemCode(request: RedeemRequest): Promise<RedeemedCode>;
}

/** Microsoft Graph. Reads are complete or throw. */
export interface Directory {
  /**
   * Every group of which the signed-in person is a direct member (`/me/memberOf`, all pages), and the instant
   * of the first page by Graph's clock.
   * Throws `directory_unreachable` (retryable), `directory_permission_missing`, `directory_answer_invalid`.
   */
  readMyGroupIds(
    accessToken: string,
  ): Promise<{ readonly groupIds: readonly string[]; readonly observedAt: string }>;
  /**
   * Every group that is assigned to the Enterprise Application (`appRoleAssignedTo`, all pages, app-only), by id.
   * Throws as above.
   */
  readAssignedGroups(): Promise<readonly AssignedGroup[]>;
}

/** The queue `provision`. Messages do not expire. */
export interface MessageQueue {
  /** Puts one message, visible after `delaySeconds` (default 0, at most 7 days). Throws `storage_unavailable`. */
  enqueue(text: string, options?: { readonly delaySeconds?: number }): Promise<void>;
  /** Whether the queue is there and answers: one request. Throws `storage_unavailable`, `storage_refused`. */
  check(): Promise<void>;
}

/** What the flows draw their secrets and ids from. */
export interface Random {
  /** Cryptographically strong. */
  bytes(count: number): Uint8Array;
  /** A UUID; one made later, to the millisecond, sorts after it: of two observations in one second the id decides. */
  uuid(): string;
}
