import {
  createRemoteJWKSet,
  customFetch,
  errors,
  type JWTPayload,
  jwtVerify,
  type JWTVerifyGetKey,
} from 'jose';
import * as z from 'zod/mini';
import type { Config } from '../config/config.ts';
import { equalInConstantTime } from '../platform/equalInConstantTime.ts';
import { isSafeId } from '../model/entities.ts';
import { isTooFarAhead } from '../model/observation.ts';
import { AppError } from '../model/errors.ts';
import type { Clock, Fetch, IdTokenClaims } from '../model/ports.ts';

/** How long a withdrawn key stays trusted. A new key is fetched when it is first used. */
const KEYS_MAX_AGE_MS = 60 * 60 * 1000;
/** A key id that stays unknown causes another request at most this often. One that is new causes one at once. */
const UNKNOWN_KEY_COOLDOWN_MS = 5_000;
/** How many unknown key ids are remembered. Only Entra's token endpoint can bring one. */
const MAX_UNKNOWN_KEYS = 100;
const CLOCK_TOLERANCE_SECONDS = 60;

export interface IdTokenVerifierOptions {
  readonly entra: Config['entra'];
  readonly clock: Clock;
  readonly fetch: Fetch;
  readonly timeoutMs: number;
}

export interface IdTokenVerifier {
  /** Starts to read the signing keys unless they are recent enough. Never throws: `verify` asks again. */
  prepare(this: void): void;
  /** Verifies an id_token that was asked for with `nonce`. */
  verify(this: void, idToken: string, nonce: string): Promise<IdTokenClaims>;
}

/** The last second that JavaScript can write as a date with four digits for the year. */
const MAX_INSTANT_SECONDS = 253_402_300_799;
const instant = z.number().check(z.nonnegative(), z.lte(MAX_INSTANT_SECONDS));

/** The door for claims. A claim of another type is refused, also where Entra may leave it out. */
const claimsSchema = z.object({
  // jose also accepts a list that holds our id. Entra never sends one, so a list isn't meant for us.
  aud: z.string(),
  // OpenID Connect requires it, with at most 255 characters.
  sub: z.string().check(z.minLength(1), z.maxLength(255)),
  azp: z.exactOptional(z.string()),
  oid: z.string().check(z.refine(isSafeId)),
  tid: z.string(),
  nonce: z.string(),
  iat: z.int().check(z.positive(), z.lte(MAX_INSTANT_SECONDS)),
  exp: instant,
  nbf: z.exactOptional(instant),
  name: z.exactOptional(z.string()),
  email: z.exactOptional(z.string()),
  preferred_username: z.exactOptional(z.string()),
  roles: z._default(z.array(z.string()), []),
  groups: z.exactOptional(z.array(z.string())),
  hasgroups: z.exactOptional(z.union([z.boolean(), z.string()])),
  _claim_names: z.exactOptional(z.object({ groups: z.exactOptional(z.string()) })),
});

/**
 * Creates the verifier of one application's id_tokens. It keeps Entra's signing keys for an hour.
 *
 * MSAL checks none of this: RS256 with a key of the tenant, exact issuer and audience, times by our clock (60
 * s tolerance), then the types of all claims, `azp`, `tid` and nonce.
 * `verify` throws `id_token_invalid`, `wrong_tenant`, `clock_skew` (issued more than 5 minutes ahead, or not valid
 * yet), `signing_key_unknown` (retryable: signed with a key that Entra doesn't publish yet), or `microsoft_unreachable` (retryable:
 * the keys could not be read).
 */
export function createIdTokenVerifier(options: IdTokenVerifierOptions): IdTokenVerifier {
  const { entra, clock } = options;
  const keys = createRemoteJWKSet(keysUrl(entra), {
    timeoutDuration: options.timeoutMs,
    cacheMaxAge: KEYS_MAX_AGE_MS,
    // When to ask again for an unknown key is decided in `findKey`.
    cooldownDuration: Infinity,
    [customFetch]: (url, init) => fetchKeys(options.fetch, url, init),
  });
  const findKey = askForUnknownKeys(keys, clock);
  return {
    prepare() {
      if (!keys.fresh) keys.reload().catch(() => undefined);
    },
    async verify(idToken, nonce) {
      const now = clock.now();
      const payload = await verifySigned(
        () =>
          jwtVerify(idToken, findKey, {
            algorithms: ['RS256'],
            issuer: entra.issuer,
            audience: entra.clientId,
            clockTolerance: CLOCK_TOLERANCE_SECONDS,
            requiredClaims: ['iss', 'aud', 'sub', 'exp', 'iat', 'oid', 'tid', 'nonce'],
            currentDate: now,
          }),
        entra.tenantId,
      );
      return readClaims(payload, { entra, nonce, now });
    },
  };
}

/**
 * With `appid`, Entra also lists the application's own signing key, which applications with mapped claims have
 * (https://learn.microsoft.com/entra/identity-platform/access-tokens).
 */
function keysUrl(entra: Config['entra']): URL {
  const url = new URL(entra.jwksUri);
  url.searchParams.set('appid', entra.clientId);
  return url;
}

type KeySet = ReturnType<typeof createRemoteJWKSet>;

/**
 * Finds the key of a token. Reads the keys again at once for a key id that was never seen, so that nobody is refused when Entra
 * changes its keys. For one that stays unknown, it reads again after {@link UNKNOWN_KEY_COOLDOWN_MS}.
 */
function askForUnknownKeys(keys: KeySet, clock: Clock): JWTVerifyGetKey {
  const askedAtMs = new Map<string, number>();
  return async (header, token) => {
    try {
      return await keys(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      const id = header.kid ?? '';
      const nowMs = clock.now().getTime();
      if (nowMs - (askedAtMs.get(id) ?? -Infinity) < UNKNOWN_KEY_COOLDOWN_MS) throw error;
      if (askedAtMs.size >= MAX_UNKNOWN_KEYS) askedAtMs.clear();
      askedAtMs.set(id, nowMs);
      await keys.reload();
      return keys(header, token);
    }
  };
}

/** Fetches the keys. A network failure isn't the token's fault, so it gets its own code. */
async function fetchKeys(fetch: Fetch, url: string, init: RequestInit): Promise<Response> {
  try {
    const response = await fetch(url, init);
    if (response.status === 200) return response;
    throw new AppError('microsoft_unreachable', 'Entra refused its signing keys', {
      retryable: true,
      details: { status: response.status },
    });
  } catch (cause) {
    throw cause instanceof AppError ? cause : keysUnreachable(cause);
  }
}

function keysUnreachable(cause: unknown): AppError {
  return new AppError('microsoft_unreachable', 'Entra’s signing keys could not be read', {
    retryable: true,
    cause,
  });
}

async function verifySigned(
  verify: () => Promise<{ readonly payload: JWTPayload }>,
  tenantId: string,
): Promise<JWTPayload> {
  try {
    return (await verify()).payload;
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw appErrorOfJose(error, tenantId);
  }
}

/** Explains a failed claim. The signature is already verified, so the payload's tenant can be trusted. */
function appErrorOfJose(error: unknown, tenantId: string): AppError {
  if (error instanceof errors.JWTClaimValidationFailed) {
    const { tid } = error.payload;
    if (error.claim === 'iss' && typeof tid === 'string' && tid !== tenantId) return wrongTenant();
    if (error.claim === 'nbf') return new AppError('clock_skew', 'The id_token is not valid yet');
    return invalid(`claim_${error.claim}`);
  }
  if (error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid)
    return keysUnreachable(error);
  if (error instanceof errors.JWKSNoMatchingKey) {
    return new AppError(
      'signing_key_unknown',
      'The id_token is signed with a key that Entra does not publish',
      {
        retryable: true,
      },
    );
  }
  if (!(error instanceof errors.JOSEError)) return invalid('unreadable');
  // jose uses its generic code for a key set that isn't JSON.
  return error.code === 'ERR_JOSE_GENERIC' ? keysUnreachable(error) : invalid(error.code.toLowerCase());
}

interface Expected {
  readonly entra: Config['entra'];
  readonly nonce: string;
  readonly now: Date;
}

function readClaims(payload: JWTPayload, expected: Expected): IdTokenClaims {
  const parsed = claimsSchema.safeParse(payload);
  if (!parsed.success) throw invalid(`claim_${String(parsed.error.issues[0]?.path[0])}`);
  const claims = parsed.data;
  if (claims.azp !== undefined && claims.azp !== expected.entra.clientId) throw invalid('claim_azp');
  if (claims.tid !== expected.entra.tenantId) throw wrongTenant();
  if (!equalInConstantTime(claims.nonce, expected.nonce)) throw invalid('claim_nonce');
  const issuedAt = new Date(claims.iat * 1000).toISOString();
  if (isTooFarAhead({ observed_at: issuedAt }, expected.now.getTime())) {
    throw new AppError('clock_skew', 'The id_token was issued in the future', {
      details: { aheadSeconds: Math.round(claims.iat - expected.now.getTime() / 1000) },
    });
  }
  return {
    userId: claims.oid,
    tenantId: claims.tid,
    ...(claims.name === undefined ? {} : { displayName: claims.name }),
    ...(claims.email === undefined ? {} : { email: claims.email }),
    ...(claims.preferred_username === undefined ? {} : { preferredUsername: claims.preferred_username }),
    appRoles: claims.roles,
    issuedAt,
    groups: groupsOf(claims),
  };
}

/** Checks for overage first: a token that refers to another list is incomplete, even if it lists groups. */
function groupsOf(claims: z.infer<typeof claimsSchema>): IdTokenClaims['groups'] {
  const pointsElsewhere = claims._claim_names?.groups !== undefined;
  if (pointsElsewhere || claims.hasgroups === true || claims.hasgroups === 'true') return { kind: 'overage' };
  return claims.groups === undefined ? { kind: 'missing' } : { kind: 'listed', groupIds: claims.groups };
}

function invalid(fault: string): AppError {
  return new AppError('id_token_invalid', 'The id_token was not accepted', { details: { fault } });
}

function wrongTenant(): AppError {
  return new AppError('wrong_tenant', 'The id_token is of another tenant');
}
