import type { Store } from '../storage/store.ts';
import type { ParkedSnapshots } from '../storage/parkedSnapshots.ts';
import { equalInConstantTime } from '../platform/equalInConstantTime.ts';
import { cleanName } from '../model/foreignNames.ts';
import { type GroupsSource, isTooFarAhead, type ObservationKey, type Person } from '../model/observation.ts';
import { AppError, type ErrorCode, errorCodeOf } from '../model/errors.ts';
import {
  isTraceparent,
  MAX_INLINE_BYTES,
  type ProvisionMessage,
  serializeProvisionMessage,
} from '../queue/queueMessage.ts';
import type { Directory, IdTokenClaims, MessageQueue, RedeemedCode } from '../model/ports.ts';
import {
  clearAttempt,
  type LoginAttempt,
  openAttempt,
  type RequestCookies,
  type ResponseCookie,
  sealSession,
} from '../session/session.ts';
import { requireCode, requireOneAnswer } from './callbackQuery.ts';
import { startLogin, type StartLoginDeps } from './startLogin.ts';
import { findUserEmail, isEmailDomainAllowed } from './userEmail.ts';

export interface CompleteLoginDeps extends StartLoginDeps {
  readonly directory: Directory;
  /** Says whose account is closed. One point read at each sign-in. */
  readonly users: Pick<Store['users'], 'find'>;
  readonly queue: Pick<MessageQueue, 'enqueue'>;
  readonly snapshots: Pick<ParkedSnapshots, 'park'>;
  /** The exact issuer of our tenant's answers. */
  readonly issuer: string;
  /** `ENTRA_GROUPS_CLAIM=ApplicationGroup` */
  readonly groupsClaimIsApplicationGroup: boolean;
  /** Returns the ids of the accepted list of assigned groups; empty if there is none, or if it can't be read. */
  readonly readAcceptedGroupIds: () => Promise<ReadonlySet<string>>;
  readonly allowedEmailDomains: readonly string[];
}

export interface CallbackRequest {
  readonly query: URLSearchParams;
  readonly cookies: RequestCookies;
  /** The request's `traceparent` header, passed on to the worker if it is valid. */
  readonly traceparent?: string | undefined;
}

/** Where to send the browser. Every outcome clears the attempt's cookie, so an attempt is used once. */
export type LoginOutcome =
  | {
      readonly ok: true;
      readonly location: string;
      readonly cookies: readonly ResponseCookie[];
      /** Absent: not signed in yet, because Microsoft asks for one more step. */
      readonly signedIn?: { readonly userId: string; readonly observation: ObservationKey };
    }
  | {
      readonly ok: false;
      readonly error: AppError;
      readonly cookies: readonly ResponseCookie[];
      /** Starts a new attempt that goes to the same place. */
      readonly retryHref: string;
    };

/**
 * Completes a login at its callback. It checks that the query is one answer of our issuer, finds the attempt, compares the state,
 * redeems the code, checks the account and finds the group ids. Then it seals the session and enqueues exactly one message, in this order, so that a
 * failure enqueues nothing and starts no session.
 *
 * It returns a failure instead of throwing it, because a failure has a cookie to clear too. A claims challenge
 * becomes a new redirect to Microsoft, once.
 */
export async function completeLogin(
  deps: CompleteLoginDeps,
  request: CallbackRequest,
): Promise<LoginOutcome> {
  const state = request.query.get('state') ?? '';
  const cookies = state === '' ? [] : [clearAttempt(state)];
  let attempt: LoginAttempt | undefined;
  try {
    requireOneAnswer(request.query, deps.issuer);
    attempt = await requireAttempt(deps, request, state);
    return await signIn(deps, request, attempt);
  } catch (error) {
    const challenge = attempt?.claimsReplayed === false ? findChallenge(error) : undefined;
    if (attempt === undefined || challenge === undefined) return failure(error, attempt, cookies);
    try {
      const started = await startLogin(deps, { returnTo: attempt.returnTo, claims: challenge });
      return { ok: true, location: started.location, cookies: [...cookies, started.cookie] };
    } catch (startError) {
      return failure(startError, attempt, cookies);
    }
  }
}

function failure(
  cause: unknown,
  attempt: LoginAttempt | undefined,
  cookies: readonly ResponseCookie[],
): LoginOutcome {
  const error =
    cause instanceof AppError ? cause : new AppError('unexpected', 'The sign-in broke', { cause });
  return { ok: false, error, cookies, retryHref: retryHref(error.code, attempt?.returnTo ?? '/') };
}

/** Refusals of the account itself. Without a choice, Microsoft would use the same account again. */
const REFUSES_ACCOUNT: ReadonlySet<ErrorCode> = new Set([
  'wrong_tenant',
  'domain_not_allowed',
  'not_assigned',
  'account_disabled',
  'account_locked',
  'account_inactive',
  'policy_blocked',
]);

function retryHref(code: ErrorCode, returnTo: string): string {
  const query = new URLSearchParams();
  if (REFUSES_ACCOUNT.has(code)) query.set('prompt', 'select_account');
  if (returnTo !== '/') query.set('return_to', returnTo);
  return query.size === 0 ? '/sso/login' : `/sso/login?${query.toString()}`;
}

async function requireAttempt(
  deps: CompleteLoginDeps,
  request: CallbackRequest,
  state: string,
): Promise<LoginAttempt> {
  const attempt = state === '' ? undefined : await openAttempt(deps.seal, request.cookies, state);
  if (attempt === undefined)
    throw new AppError('attempt_missing', 'No login attempt of this browser matches');
  if (!equalInConstantTime(attempt.state, state)) {
    throw new AppError('state_mismatch', 'The state is that of another login attempt');
  }
  return attempt;
}

async function signIn(
  deps: CompleteLoginDeps,
  request: CallbackRequest,
  attempt: LoginAttempt,
): Promise<LoginOutcome> {
  const redeemed = await deps.identity.redeemCode({
    code: requireCode(request.query),
    codeVerifier: attempt.codeVerifier,
    nonce: attempt.nonce,
  });
  const person = requirePerson(deps, redeemed.claims);
  const [groups] = await Promise.all([readGroups(deps, redeemed), requireOpenAccount(deps, person.user_id)]);
  requirePlausibleTime(deps, groups.observedAt);
  const now = deps.seal.clock.now();
  const observation = { id: deps.random.uuid(), observed_at: groups.observedAt };
  const session = await sealSession(deps.seal, {
    userId: person.user_id,
    tenantId: person.tenant_id,
    ...(person.display_name === undefined ? {} : { displayName: person.display_name }),
    ...(person.user_email === undefined ? {} : { email: person.user_email }),
    observation,
    issuedAt: now.toISOString(),
  });
  await enqueue(deps, groups.groupIds, {
    version: 1,
    ...observation,
    person,
    groups_source: groups.source,
    ...(isTraceparent(request.traceparent) ? { traceparent: request.traceparent } : {}),
    enqueued_at: now.toISOString(),
  });
  return {
    ok: true,
    location: attempt.returnTo,
    cookies: [session, clearAttempt(attempt.state)],
    signedIn: { userId: person.user_id, observation },
  };
}

/**
 * Throws `account_inactive` for a closed account, and for one whose `active` an edit made unreadable. A row that cannot be read at all
 * decides nothing here: the person's page and the provisioning say so.
 */
async function requireOpenAccount({ users }: CompleteLoginDeps, userId: string): Promise<void> {
  const record = await users.find(userId).catch((error: unknown) => {
    if (errorCodeOf(error) === 'row_unreadable') return undefined;
    throw error;
  });
  if (record !== undefined && !record.active)
    throw new AppError('account_inactive', 'The account was closed by an administrator.');
}

function requirePerson(deps: CompleteLoginDeps, claims: IdTokenClaims): Person {
  // The adapter has checked this already. It is checked again here, where the code decides who may sign in.
  if (claims.tenantId !== deps.seal.tenantId)
    throw new AppError('wrong_tenant', 'The account is of another tenant');
  const email = findUserEmail(claims);
  if (!isEmailDomainAllowed(claims, deps.allowedEmailDomains)) {
    throw new AppError('domain_not_allowed', 'The email is of no allowed domain');
  }
  // The names of a person enter here, so they are cleaned here. The email is checked as it came.
  const { userId, displayName } = claims;
  const cleanEmail = email === undefined ? undefined : cleanName(email);
  return {
    user_id: userId,
    tenant_id: claims.tenantId,
    ...(displayName === undefined ? {} : { display_name: cleanName(displayName) ?? userId }),
    ...(cleanEmail === undefined ? {} : { user_email: cleanEmail }),
    app_roles: claims.appRoles,
  };
}

interface ObservedGroups {
  readonly source: GroupsSource;
  readonly groupIds: readonly string[];
  readonly observedAt: string;
}

/**
 * Returns the group ids from the claim if it holds exactly the assigned groups. If it is missing or incomplete, they
 * come from the directory.
 */
async function readGroups(deps: CompleteLoginDeps, redeemed: RedeemedCode): Promise<ObservedGroups> {
  const { groups } = redeemed.claims;
  // A claim with names instead of ids is useless. Graph knows the ids.
  if (
    deps.groupsClaimIsApplicationGroup &&
    groups.kind === 'listed' &&
    (await areGroupIds(deps, groups.groupIds))
  ) {
    return { source: 'claim', groupIds: [...new Set(groups.groupIds)], observedAt: redeemed.answeredAt };
  }
  return { source: 'directory', ...(await deps.directory.readMyGroupIds(redeemed.accessToken)) };
}

/** Entra's ids, as it writes them in tokens. */
const GUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/;

/**
 * Whether every value of a `groups` claim is the id of a group. An application can also be set up to send names, which often look
 * like ids. So a value that is no GUID must be in the accepted list, which is read only then.
 */
async function areGroupIds(deps: CompleteLoginDeps, values: readonly string[]): Promise<boolean> {
  const others = values.filter((value) => !GUID.test(value));
  if (others.length === 0) return true;
  const accepted = await deps.readAcceptedGroupIds();
  return others.every((value) => accepted.has(value));
}

/**
 * An observation from the future would win against all later ones, so the worker refuses it. It is better to say so
 * at the sign-in.
 */
function requirePlausibleTime(deps: CompleteLoginDeps, observedAt: string): void {
  if (isTooFarAhead({ observed_at: observedAt }, deps.seal.clock.now().getTime())) {
    throw new AppError('clock_skew', 'Microsoft’s clock is ahead of this service’s');
  }
}

type MessageWithoutGroups = Omit<ProvisionMessage, 'group_ids' | 'parked'>;

/**
 * Puts the list into the message if it fits. Otherwise it is stored first, so that no message names a list that
 * doesn't exist.
 */
async function enqueue(
  deps: CompleteLoginDeps,
  groupIds: readonly string[],
  message: MessageWithoutGroups,
): Promise<void> {
  const inline = serializeProvisionMessage({ ...message, group_ids: groupIds });
  if (Buffer.byteLength(inline) <= MAX_INLINE_BYTES) return deps.queue.enqueue(inline);
  const parked = await deps.snapshots.park(message.id, groupIds);
  return deps.queue.enqueue(serializeProvisionMessage({ ...message, parked }));
}

function findChallenge(error: unknown): string | undefined {
  if (!(error instanceof AppError) || error.code !== 'interaction_required') return undefined;
  return typeof error.details['claims'] === 'string' ? error.details['claims'] : undefined;
}
