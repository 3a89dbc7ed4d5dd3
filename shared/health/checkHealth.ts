/** Checks whether this service can do its work, and says what an operator can do if it cannot. */
import type { AcceptedGroups, HeldBackList, KnownGroup } from '../model/assignedGroups.ts';
import type { Rules } from '../model/rules.ts';
import { errorCodeOf } from '../model/errors.ts';
import type { Clock, Directory, MessageQueue } from '../model/ports.ts';
import type { BudgetShare, ProxyReport } from '../model/litellmProxy.ts';
import type { DueKeys } from '../storage/parkedKeys.ts';
import type { Store } from '../storage/store.ts';
import { checkRestingKeys, type RestingKeysDetail } from './restingKeys.ts';
import type { RegisteredFunctions } from '../model/heartbeat.ts';
import type { HeartbeatStore } from '../storage/heartbeatStore.ts';
import { describeFunctions, type FunctionsHealth } from './functionsHealth.ts';

export interface HealthDeps {
  readonly store: Pick<Store, 'assignedGroups'>;
  readonly queue: Pick<MessageQueue, 'check'>;
  readonly directory: Pick<Directory, 'readAssignedGroups'>;
  readonly clock: Clock;
  readonly rules: Pick<Rules, 'assignedGroupsAreKnown' | 'groupsAlsoCreateOrgs'>;
  /** `ASSIGNED_GROUPS_ACCEPT` */
  readonly acceptVersion: string | undefined;
  /** The report of the daily job. Absent: no LiteLLM proxy is connected. */
  readonly restingKeys?: Pick<DueKeys, 'findReport'>;
  /** Absent: no LiteLLM proxy is connected. */
  readonly litellm?: { check(this: void): Promise<ProxyReport> };
  /** Asked only while the proxy has no organizations. */
  readonly readBudgetShares?: () => Promise<readonly BudgetShare[]>;
  readonly heartbeats: Pick<HeartbeatStore, 'read'>;
  /** Returns the functions that run by themselves. */
  readonly registered: () => RegisteredFunctions;
}

/** `failing`: the store did not answer, so nothing is known about the proxy. */
export interface LitellmNotChecked {
  readonly status: 'failing' | 'not_configured' | 'not_checked';
  readonly error?: string;
  readonly hint?: undefined;
  readonly warnings?: undefined;
}

/** Contains no secrets. `error`: one of this product's error codes. `hint`: what an operator can do. */
export interface HealthDetail {
  readonly status: 'ok' | 'degraded' | 'failing';
  readonly checked_at: string;
  readonly configuration: { readonly status: 'ok' | 'failing'; readonly faults: readonly string[] };
  readonly storage: {
    readonly status: 'ok' | 'failing' | 'not_checked';
    readonly error?: string;
    /** Which part fails: the tables, or only the queue. */
    readonly failing?: 'tables' | 'queue';
  };
  readonly directory: {
    readonly status: 'ok' | 'failing' | 'not_configured' | 'not_checked';
    readonly error?: string;
    readonly hint?: string;
    readonly assigned_groups?: number;
  };
  readonly litellm: ProxyReport | LitellmNotChecked;
  /** Keys of people who left a team. Absent: the daily job has not run yet, or no proxy is connected. */
  readonly resting_keys?: RestingKeysDetail;
  /** Present while the proxy has no organizations: their amounts beside what their teams carry. */
  readonly budget_shares?: readonly BudgetShare[];
  readonly functions: FunctionsHealth;
  readonly accepted_groups?: {
    readonly version: string;
    readonly accepted_at: string;
    readonly checked_at: string;
    readonly groups: number;
    /** Groups whose team or organization is missing, unreadable or degraded, by id. */
    readonly incomplete: readonly string[];
    readonly hint?: string;
  };
  readonly brake?: HeldBackList & { readonly hint: string };
}

const HINTS: Readonly<Record<string, string>> = {
  directory_permission_missing:
    "Grant the application's service principal the Graph application permission Application.Read.All (admin consent). Until then messages with an unknown group wait; all others use the accepted list.",
  credential_refused:
    'Entra refused the client credential: check the secret, or the federated credential and its subject.',
  application_disabled:
    'The Enterprise Application is disabled: switch on Properties → Enabled for users to sign in.',
  application_misconfigured:
    'Entra does not know the application as it is set up: compare MICROSOFT_TENANT and MICROSOFT_CLIENT_ID, and the API permissions, with the app registration.',
  policy_blocked:
    'A Conditional Access policy for workload identities blocks the application. The service principal sign-in logs of Entra name it.',
  directory_unreachable:
    'Microsoft Graph does not answer. Messages with an unknown group wait; all others use the accepted list.',
  microsoft_unreachable:
    'Entra ID does not answer. Messages with an unknown group wait; all others use the accepted list.',
};

type Checked<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: string };

async function attempt<T>(read: () => Promise<T>): Promise<Checked<T>> {
  try {
    return { ok: true, value: await read() };
  } catch (error) {
    return { ok: false, error: errorCodeOf(error) };
  }
}

/** Returns whether tables and queue answer: one read of each. */
export async function checkStorage(deps: Pick<HealthDeps, 'store' | 'queue'>): Promise<boolean> {
  const { tables, queue } = await attemptStorage(deps);
  return tables.ok && queue.ok;
}

async function attemptStorage({ store, queue }: Pick<HealthDeps, 'store' | 'queue'>): Promise<{
  readonly tables: Checked<Awaited<ReturnType<Store['assignedGroups']['find']>>>;
  readonly queue: Checked<void>;
}> {
  const [tables, checkedQueue] = await Promise.all([
    attempt(async () => store.assignedGroups.find()),
    attempt(async () => queue.check()),
  ]);
  return { tables, queue: checkedQueue };
}

function storageOf(tables: Checked<unknown>, queue: Checked<unknown>): HealthDetail['storage'] {
  if (!tables.ok) return { status: 'failing', error: tables.error, failing: 'tables' };
  return queue.ok ? { status: 'ok' } : { status: 'failing', error: queue.error, failing: 'queue' };
}

function isIncomplete(group: KnownGroup, rules: HealthDeps['rules']): boolean {
  return group.team !== 'present' || (rules.groupsAlsoCreateOrgs && group.organization !== 'present');
}

function acceptedOf(
  list: AcceptedGroups,
  { rules, acceptVersion }: HealthDeps,
): NonNullable<HealthDetail['accepted_groups']> {
  return {
    version: list.version,
    accepted_at: list.acceptedAt,
    checked_at: list.checkedAt,
    groups: list.groups.length,
    incomplete: list.groups.filter((group) => isIncomplete(group, rules)).map((group) => group.id),
    ...(acceptVersion === list.version
      ? { hint: 'ASSIGNED_GROUPS_ACCEPT names this list, and it is accepted; the setting can be removed.' }
      : {}),
  };
}

/** Enough to recognise what was lost. The count covers all of them. */
const SHOWN_IDS = 100;

function brakeOf(heldBack: HeldBackList, usedPermit: string | undefined): NonNullable<HealthDetail['brake']> {
  const again =
    usedPermit === heldBack.version
      ? ' It let such a list pass once, and does so only once while it is set: remove it, wait for one check, then set it.'
      : '';
  return {
    ...heldBack,
    lostIds: heldBack.lostIds.slice(0, SHOWN_IDS),
    hint: `The new list lost ${heldBack.lostCount} groups, so the old one stays in force. If the loss is right, set ASSIGNED_GROUPS_ACCEPT=${heldBack.version}.${again}`,
  };
}

async function checkDirectory(deps: HealthDeps): Promise<HealthDetail['directory']> {
  if (!deps.rules.assignedGroupsAreKnown) return { status: 'not_configured' };
  const read = await attempt(async () => deps.directory.readAssignedGroups());
  if (read.ok) return { status: 'ok', assigned_groups: read.value.length };
  const hint = HINTS[read.error];
  return { status: 'failing', error: read.error, ...(hint === undefined ? {} : { hint }) };
}

async function checkLitellm({ litellm }: HealthDeps): Promise<HealthDetail['litellm']> {
  if (litellm === undefined) return { status: 'not_configured' };
  const checked = await attempt(litellm.check);
  return checked.ok ? checked.value : { status: 'failing', error: checked.error };
}

/** With such a proxy everything works, but the operator has to change something. */
function isFaulty(litellm: HealthDetail['litellm']): boolean {
  const { status, warnings = [] } = litellm;
  return status === 'failing' || warnings.some(({ code }) => code === 'own_user_closed');
}

async function checkFunctions({ heartbeats, registered, clock }: HealthDeps): Promise<FunctionsHealth> {
  const read = await attempt(async () => heartbeats.read());
  if (!read.ok) return { status: 'failing', error: read.error };
  return describeFunctions(registered(), read.value, clock.now());
}

async function readShares(
  { readBudgetShares }: HealthDeps,
  litellm: HealthDetail['litellm'],
): Promise<Pick<HealthDetail, 'budget_shares'>> {
  const isUnlicensed = 'organizations' in litellm && litellm.organizations?.state === 'unlicensed';
  if (!isUnlicensed || readBudgetShares === undefined) return {};
  const shares = await attempt(readBudgetShares);
  return shares.ok ? { budget_shares: shares.value } : {};
}

/**
 * Returns the whole state: two reads of the store, one of the queue and of the directory, and the check of the proxy. Never throws for
 * what it checks.
 */
export async function checkHealth(deps: HealthDeps): Promise<HealthDetail> {
  const [{ tables, queue }, directory, litellm, functions, restingKeys] = await Promise.all([
    attemptStorage(deps),
    checkDirectory(deps),
    checkLitellm(deps),
    checkFunctions(deps),
    checkRestingKeys(deps.restingKeys),
  ]);
  const storage = storageOf(tables, queue);
  const list = tables.ok ? tables.value?.list : undefined;
  // Without an accepted list every message waits.
  const hasNoList = deps.rules.assignedGroupsAreKnown && list === undefined;
  const isDegraded =
    directory.status === 'failing' ||
    isFaulty(litellm) ||
    restingKeys?.held_back !== undefined ||
    functions.status === 'failing' ||
    list?.heldBack !== undefined ||
    hasNoList;
  return {
    status: storage.status === 'failing' ? 'failing' : isDegraded ? 'degraded' : 'ok',
    checked_at: deps.clock.now().toISOString(),
    configuration: { status: 'ok', faults: [] },
    storage,
    directory,
    litellm,
    ...(await readShares(deps, litellm)),
    ...(restingKeys === undefined ? {} : { resting_keys: restingKeys }),
    functions,
    ...(list === undefined ? {} : { accepted_groups: acceptedOf(list, deps) }),
    ...(list?.heldBack === undefined ? {} : { brake: brakeOf(list.heldBack, list.usedPermit) }),
  };
}

/** Returns the state of a service with wrong settings. Nothing else can be checked then. */
export function failingConfiguration(faults: readonly string[], now: Date): HealthDetail {
  return {
    status: 'failing',
    checked_at: now.toISOString(),
    configuration: { status: 'failing', faults },
    storage: { status: 'not_checked' },
    directory: { status: 'not_checked' },
    litellm: { status: 'not_checked' },
    functions: { status: 'not_checked' },
  };
}
