/** What Entra's version 2 tokens say about a person. */
import type { Directory, Person } from './directory.ts';
import { findPerson, groupsOf, subjectOf } from './directory.ts';
import type { Faults } from './faults.ts';

/** More groups than this and the token points to Graph instead. */
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
    // The retired address is Entra's own: an application that follows it instead of building its own URL fails here too.
    const endpoint = `https://graph.windows.net/${directory.tenantId}/users/${person.id}/getMemberObjects`;
    return { _claim_names: { groups: 'src1' }, _claim_sources: { src1: { endpoint } } };
  }
  // Never an empty list: Entra leaves the claim out then.
  return groups.length === 0 ? {} : { groups };
}

export interface IdTokenMoment {
  readonly directory: Directory;
  readonly faults: Faults;
  /** By Microsoft's clock. */
  readonly now: Date;
}

/**
 * Gives the claims about a person, times included (seconds). `iat` and `nbf` are dated back as the
 * application says, `exp` is an hour ahead of `now`; empty lists and unknown values are left out.
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

/** Which scope gives which claims. */
export const claimsByScope = {
  openid: ['sub', 'tid', 'ver', 'iat', 'nbf', 'roles', 'groups'],
  profile: ['oid', 'name', 'preferred_username'],
  email: ['email'],
};
