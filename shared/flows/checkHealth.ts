/** Whether this service can do its work, and what an operator needs to know if it cannot. */
import type { AcceptedGroups, HeldBackList } from '../domain/assignedGroups.ts';
import { errorCodeOf } from '../errors.ts';
import type { Clock, Directory } from '../ports.ts';
import type { Store } from '../storePorts.ts';

export interface HealthDeps {
  readonly store: Pick<Store, 'assignedGroups'>;
  readonly directory: Pick<Directory, 'readAssignedGroups'>;
  readonly clock: Clock;
  readonly assignedGroupsAreKnown: boolean;
}

/** `error`: a code of this product; nothing secret is in here. */
export interface HealthDetail {
  readonly status: 'ok' | 'degraded' | 'failing';
  readonly checked_at: string;
  readonly configuration: { readonly status: 'ok' | 'failing'; readonly faults: readonly string[] };
  readonly storage: { readonly status: 'ok' | 'failing' | 'not_checked'; readonly error?: string };
  readonly directory: {
    readonly status: 'ok' | 'failing' | 'not_configured' | 'not_checked';
    readonly error?: string;
    /** What an operator does about it. */
    readonly hint?: string;
    readonly assigned_groups?: number;
  };
  readonly accepted_groups?: {
    readonly version: string;
    readonly accepted_at: string;
    readonly checked_at: string;
    readonly groups: number;
    /** Groups whose team or organization is missing, unreadable or degraded, by id. */
    readonly incomplete: readonly string[];
  };
  readonly brake?: HeldBackList & { readonly hint: string };
}

const HINTS: Readonly<Record<string, string>> = {
  directory_permission_missing:
    "Grant the application's service principal the Graph application permissions Application.Read.All and GroupMember.Read.All (admin consent). Messages wait until then.",
  credential_refused:
    'Entra refused the client credential: check the secret, or the federated credential and its subject.',
  directory_unreachable: 'Microsoft Graph does not answer. Messages wait; the list in force stays in force.',
  microsoft_unreachable: 'Entra ID does not answer. Messages wait; the list in force stays in force.',
};

type Checked<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: string };

async function attempt<T>(read: () => Promise<T>): Promise<Checked<T>> {
  try {
    return { ok: true, value: await read() };
  } catch (error) {
    return { ok: false, error: errorCodeOf(error) };
  }
}

/** Gives whether the store answers: one read. */
export async function checkStorage(deps: Pick<HealthDeps, 'store'>): Promise<boolean> {
  return (await attempt(async () => deps.store.assignedGroups.find())).ok;
}

function acceptedOf(list: AcceptedGroups): NonNullable<HealthDetail['accepted_groups']> {
  return {
    version: list.version,
    accepted_at: list.acceptedAt,
    checked_at: list.checkedAt,
    groups: list.groups.length,
    incomplete: list.groups
      .filter((group) => group.team !== 'present' || group.organization === 'unreadable')
      .map((group) => group.id),
  };
}

function brakeOf(heldBack: HeldBackList): NonNullable<HealthDetail['brake']> {
  return {
    ...heldBack,
    hint: `The new list lost ${heldBack.lostCount} groups, so the old one stays in force. If that is right, set ASSIGNED_GROUPS_ACCEPT=${heldBack.version}.`,
  };
}

async function checkDirectory(deps: HealthDeps): Promise<HealthDetail['directory']> {
  if (!deps.assignedGroupsAreKnown) return { status: 'not_configured' };
  const read = await attempt(async () => deps.directory.readAssignedGroups());
  if (read.ok) return { status: 'ok', assigned_groups: read.value.length };
  const hint = HINTS[read.error];
  return { status: 'failing', error: read.error, ...(hint === undefined ? {} : { hint }) };
}

/** Gives the whole state: one read of the store and one of the directory. Never throws for what it checks. */
export async function checkHealth(deps: HealthDeps): Promise<HealthDetail> {
  const [storage, directory] = await Promise.all([
    attempt(async () => deps.store.assignedGroups.find()),
    checkDirectory(deps),
  ]);
  const list = storage.ok ? storage.value?.list : undefined;
  const isDegraded = directory.status === 'failing' || list?.heldBack !== undefined;
  return {
    status: storage.ok ? (isDegraded ? 'degraded' : 'ok') : 'failing',
    checked_at: deps.clock.now().toISOString(),
    configuration: { status: 'ok', faults: [] },
    storage: storage.ok ? { status: 'ok' } : { status: 'failing', error: storage.error },
    directory,
    ...(list === undefined ? {} : { accepted_groups: acceptedOf(list) }),
    ...(list?.heldBack === undefined ? {} : { brake: brakeOf(list.heldBack) }),
  };
}

/** Gives the state of a service whose settings are wrong: nothing else can be checked. */
export function failingConfiguration(faults: readonly string[], now: Date): HealthDetail {
  return {
    status: 'failing',
    checked_at: now.toISOString(),
    configuration: { status: 'failing', faults },
    storage: { status: 'not_checked' },
    directory: { status: 'not_checked' },
  };
}
