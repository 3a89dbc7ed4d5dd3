import { createHash } from 'node:crypto';
import type { Observation } from '../model/observation.ts';
import type { Rules } from '../model/rules.ts';

/** After this time an unchanged person is provisioned in full again, so that what was deleted by hand comes back. */
export const DIGEST_MAX_AGE_MS = 24 * 60 * 60 * 1000;

/**
 * Gives the digest of everything that decides a run's outcome: person, group ids, settings, the accepted list's version
 * (docs/domain.md, "Order", step 2). Independent of the order of groups and app roles. 64 hex digits.
 */
export function runDigest(
  observation: Observation,
  rules: Rules,
  acceptedVersion: string | undefined,
): string {
  const { person } = observation;
  const input = [
    person.user_id,
    person.tenant_id,
    person.display_name ?? null,
    person.user_email ?? null,
    [...person.app_roles].sort(),
    observation.groups_source,
    [...new Set(observation.group_ids)].sort(),
    { ...rules, roleMappings: [...rules.roleMappings].map(([id, role]) => `${id} ${role}`).sort() },
    acceptedVersion ?? null,
  ];
  return createHash('sha256').update(JSON.stringify(input)).digest('hex');
}

/** Gives whether a digest made at `madeAt` (ISO 8601) may still stand in for a full run. */
export function isDigestFresh(madeAt: string, now: Date): boolean {
  const ageMs = now.getTime() - Date.parse(madeAt);
  return ageMs >= 0 && ageMs < DIGEST_MAX_AGE_MS;
}
