/** What one sign-in saw of one person, and the total order of such observations: the newest one counts. */

/** Names an observation and its place in the order (`observed_at`, `id`). */
export interface ObservationKey {
  readonly id: string;
  /** ISO 8601 UTC, by the clock of the server that stated the groups: the `Date` of Entra's token answer, or Graph's. */
  readonly observed_at: string;
}

/** A person as Entra describes them. */
export interface Person {
  /** Entra object id (`oid`). */
  readonly user_id: string;
  readonly tenant_id: string;
  readonly display_name?: string;
  readonly user_email?: string;
  /** App roles from the id_token's `roles`, as Entra spells them. */
  readonly app_roles: readonly string[];
}

/**
 * Where the group ids came from. `claim`: the id_token of an application set up with `ApplicationGroup`,
 * so every id is an assigned group. `directory`: `/me/memberOf`, so most ids may be unassigned groups.
 */
export type GroupsSource = 'claim' | 'directory';

/** Names a list of group ids that is stored beside the message, and which list exactly. */
export interface ParkedList {
  /** The observation's id. */
  readonly snapshot_id: string;
  readonly count: number;
  /** SHA-256 over the JSON of the ids, in base64url. */
  readonly sha256: string;
}

/** One complete observation. `group_ids` was read completely: empty means that the person has no groups. */
export interface Observation extends ObservationKey {
  readonly person: Person;
  readonly groups_source: GroupsSource;
  readonly group_ids: readonly string[];
}

/** An observation further ahead of our clock than this is refused, because it would outrank every later one. */
export const MAX_AHEAD_MS = 5 * 60 * 1000;

/** Returns whether an observation lies too far ahead of `nowMs` (milliseconds since 1970) to be believed. */
export function isTooFarAhead(observation: Pick<ObservationKey, 'observed_at'>, nowMs: number): boolean {
  return Date.parse(observation.observed_at) - nowMs > MAX_AHEAD_MS;
}

/**
 * Returns whether the time of a stored observation is believed. One that lies ahead of both the reader's clock and the time at which it
 * was written (ISO 8601; `undefined`: not known) was edited by hand. The writer's clock counts too, because the reader's may be slow.
 */
export function isBelieved(
  observation: Pick<ObservationKey, 'observed_at'>,
  { writtenAt, nowMs }: { readonly writtenAt: string | undefined; readonly nowMs: number },
): boolean {
  return (
    !isTooFarAhead(observation, nowMs) ||
    (writtenAt !== undefined && Date.parse(observation.observed_at) - Date.parse(writtenAt) <= MAX_AHEAD_MS)
  );
}

/** Orders two observations: negative when `a` is older, 0 when they are the same one. */
export function compareObservations(a: ObservationKey, b: ObservationKey): number {
  const byTime = Date.parse(a.observed_at) - Date.parse(b.observed_at);
  if (byTime !== 0) return byTime;
  if (a.id === b.id) return 0;
  return a.id < b.id ? -1 : 1;
}
