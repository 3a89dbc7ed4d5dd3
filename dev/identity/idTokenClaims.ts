/** The claims about a person in Entra's version 2 tokens. */
import type { Directory, Person } from './directory.ts';
import { findPerson, groupsOf, subjectOf } from './directory.ts';
import type { Faults } from './faults.ts';

/** With more groups than this, the token points to Graph instead of listing them. */
export const maxGroupsInToken = 200;

type Claims = Record<string, unknown> & { readonly sub: string };

function isMadeOverage(directory: Directory, person: Person, faults: Faults): boolean {
  return (
    faults.overageFor === true ||
    (faults.overageFor ?? []).some((login) => findPerson(directory, login)?.id === person.id)
  );
}

function groupClaims(directory: Directory, person: Person, faults: Faults): Record<string, unknown> {
  const { groupMembershipClaims } = directory.application;
  if (groupMembershipClaims === 'None' || faults.dropGroupsClaim === true) {
    return {};
  }
  const groups = groupsOf(directory, person.id)
    .filter((group) => group.assigned || groupMembershipClaims === 'SecurityGroup')
    .map((group) => group.id);
  if (groups.length > maxGroupsInToken || isMadeOverage(directory, person, faults)) {
    // Entra sends this retired address too. An application that follows it, instead of building a URL, must fail.
    const endpoint = `https://graph.windows.net/${directory.tenantId}/users/${person.id}/getMemberObjects`;
    return { _claim_names: { groups: 'src1' }, _claim_sources: { src1: { endpoint } } };
  }
  // Entra leaves the claim out instead of sending an empty list.
  return groups.length === 0 ? {} : { groups };
}

export interface IdTokenMoment {
  readonly directory: Directory;
  readonly faults: Faults;
  /** By Microsoft's clock. */
  readonly now: Date;
}

/**
 * Returns the claims about a person. Times are in seconds: `iat` and `nbf` lie in the past as the application says, and
 * `exp` is an hour after `now`. Leaves out empty lists and unknown values.
 */
export function idTokenClaims(person: Person, moment: IdTokenMoment): Claims {
  const { directory, faults, now } = moment;
  const nowSeconds = Math.floor(now.getTime() / 1000);
  const issuedAt = nowSeconds - directory.application.idTokenBackdatedSeconds;
  return {
    sub: subjectOf(directory, person),
    oid: person.id,
    tid: directory.tenantId,
    ver: '2.0',
    iat: issuedAt,
    nbf: issuedAt,
    exp: nowSeconds + 3600,
    name: person.displayName,
    preferred_username: person.userPrincipalName,
    ...(person.mail === undefined ? {} : { email: person.mail }),
    ...(person.appRoles.length === 0 ? {} : { roles: person.appRoles }),
    ...groupClaims(directory, person, faults),
  };
}

/** The claims of each scope. */
export const claimsByScope = {
  openid: ['sub', 'tid', 'ver', 'iat', 'nbf', 'roles', 'groups'],
  profile: ['oid', 'name', 'preferred_username'],
  email: ['email'],
};
