/**
 * The emulated tenant: one application, people, groups. It is plain JSON, read from a file and changed through the
 * control API. A change creates a new value and never modifies an old one.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';

import { ControlRefused } from '../emulator/control.ts';

const id = z.string().min(1).max(128);

export const personSchema = z.strictObject({
  /** The object id (`oid`). */
  id,
  displayName: z.string().min(1),
  /** The name with which the person signs in. A guest's name contains `#EXT#`. */
  userPrincipalName: z.string().min(3),
  mail: z.string().min(3).optional(),
  /** Shown on the page to pick an account. */
  about: z.string().optional(),
  /** `false` blocks the account (AADSTS50057). */
  enabled: z.boolean().default(true),
  /** Assigned to the application directly, without a group. */
  assigned: z.boolean().default(false),
  /** The values of the application's roles that the person has. */
  appRoles: z.array(z.string()).default([]),
  /** `false` asks the person for consent at the next sign-in. */
  consented: z.boolean().default(true),
  /** Display names. `memberOf` lists them beside the groups. */
  directoryRoles: z.array(z.string()).default([]),
  administrativeUnits: z.array(z.string()).default([]),
});

export const groupSchema = z.strictObject({
  id,
  displayName: z.string().min(1),
  /** Assigned to the application. */
  assigned: z.boolean().default(false),
  /** Direct members, people only. */
  memberIds: z.array(id).default([]),
});

export const applicationSchema = z.strictObject({
  displayName: z.string().min(1),
  clientId: id,
  /** The object id of the Enterprise Application. */
  servicePrincipalId: id,
  /** Whether only assigned people may sign in (AADSTS50105). */
  assignmentRequired: z.boolean().default(true),
  /**
   * Which groups are in the token. `ApplicationGroup`: assigned groups of which the person is a direct member.
   * `SecurityGroup`: every group. `None`: the claim is missing.
   */
  groupMembershipClaims: z.enum(['ApplicationGroup', 'SecurityGroup', 'None']).default('ApplicationGroup'),
  appRoles: z.array(z.strictObject({ id, value: z.string().min(1), displayName: z.string() })).default([]),
  /** Entra sets `iat` and `nbf` to five minutes ago. `exp` is still an hour after the true time. */
  idTokenBackdatedSeconds: z.number().int().min(0).default(300),
  /** PEM certificates or public keys whose holder may sign client assertions. */
  certificates: z.array(z.string()).default([]),
  /** Managed identities that are trusted as federated credentials. */
  managedIdentities: z.array(z.strictObject({ clientId: id, principalId: id })).default([]),
});

const directorySchema = z.strictObject({
  tenantId: z.guid(),
  application: applicationSchema,
  people: z.array(personSchema),
  groups: z.array(groupSchema),
});

export type Person = z.infer<typeof personSchema>;
export type Group = z.infer<typeof groupSchema>;
export type Application = z.infer<typeof applicationSchema>;
export type Directory = z.infer<typeof directorySchema>;
/** A directory in a file or a request, where fields with defaults may be missing. */
export type DirectoryInput = z.input<typeof directorySchema>;

/** Thrown for a directory that contradicts itself. The message names every fault. */
export class DirectoryInvalid extends ControlRefused {
  override readonly name = 'DirectoryInvalid';
}

function repeated(values: readonly string[]): string[] {
  const seen = new Set<string>();
  return values.filter((value) => seen.size === seen.add(value.toLowerCase()).size);
}

function findContradictions(directory: Directory): string[] {
  const personIds = new Set(directory.people.map((person) => person.id));
  const roles = new Set(directory.application.appRoles.map((role) => role.value));
  return [
    ...repeated(directory.people.map((person) => person.id)).map(
      (value) => `two people have the id ${value}`,
    ),
    ...repeated(directory.people.map((person) => person.userPrincipalName)).map(
      (value) => `two people sign in as ${value}`,
    ),
    ...repeated(directory.groups.map((group) => group.id)).map((value) => `two groups have the id ${value}`),
    ...directory.groups.flatMap((group) =>
      group.memberIds
        .filter((memberId) => !personIds.has(memberId))
        .map((memberId) => `group ${group.id} has the unknown member ${memberId}`),
    ),
    ...directory.people.flatMap((person) =>
      person.appRoles
        .filter((role) => !roles.has(role))
        .map((role) => `person ${person.id} holds the unknown app role ${role}`),
    ),
  ];
}

/** Parses a directory and fills in defaults. Throws {@link DirectoryInvalid}, naming every fault. */
export function parseDirectory(value: unknown): Directory {
  const parsed = directorySchema.safeParse(value);
  if (!parsed.success) {
    throw new DirectoryInvalid(z.prettifyError(parsed.error));
  }
  const contradictions = findContradictions(parsed.data);
  if (contradictions.length > 0) {
    throw new DirectoryInvalid(contradictions.slice(0, 20).join('; '));
  }
  return parsed.data;
}

/** Finds a person by object id, or by UPN or mail in any case of the letters. */
export function findPerson(directory: Directory, idOrLogin: string): Person | undefined {
  const login = idOrLogin.toLowerCase();
  return (
    directory.people.find((person) => person.id === idOrLogin) ??
    directory.people.find((person) => person.userPrincipalName.toLowerCase() === login) ??
    directory.people.find((person) => person.mail?.toLowerCase() === login)
  );
}

/** Returns what a person types to sign in: a guest's mail address, or any other person's UPN. */
export function loginOf(person: Person): string {
  return person.userPrincipalName.includes('#EXT#') && person.mail !== undefined
    ? person.mail
    : person.userPrincipalName;
}

const groupsByMember = new WeakMap<Directory, Map<string, Group[]>>();

function indexByMember(directory: Directory): Map<string, Group[]> {
  const index = new Map<string, Group[]>();
  for (const group of directory.groups) {
    for (const memberId of new Set(group.memberIds)) {
      const groups = index.get(memberId);
      if (groups === undefined) {
        index.set(memberId, [group]);
      } else {
        groups.push(group);
      }
    }
  }
  return index;
}

/** Returns every group of which the person is a direct member, assigned or not, in the directory's order. */
export function groupsOf(directory: Directory, personId: string): readonly Group[] {
  let index = groupsByMember.get(directory);
  if (index === undefined) {
    index = indexByMember(directory);
    groupsByMember.set(directory, index);
  }
  return index.get(personId) ?? [];
}

/** Returns whether the person may use the application: directly, by a role, or as a direct member of an assigned group. */
export function isAssigned(directory: Directory, person: Person): boolean {
  return (
    !directory.application.assignmentRequired ||
    person.assigned ||
    person.appRoles.length > 0 ||
    groupsOf(directory, person.id).some((group) => group.assigned)
  );
}

/** Returns the person's `sub`. It differs between applications, and is never the object id. */
export function subjectOf(directory: Directory, person: Person): string {
  return createHash('sha256').update(`${person.id} ${directory.application.clientId}`).digest('base64url');
}

const subjects = new WeakMap<Directory, Map<string, Person>>();

/** Finds a person by `sub`. */
export function findPersonBySubject(directory: Directory, subject: string): Person | undefined {
  let index = subjects.get(directory);
  if (index === undefined) {
    index = new Map(directory.people.map((person) => [subjectOf(directory, person), person]));
    subjects.set(directory, index);
  }
  return index.get(subject);
}

/** An entry of `appRoleAssignedTo`. */
export type AppRoleAssignment = {
  readonly id: string;
  readonly appRoleId: string;
  readonly principalId: string;
  readonly principalType: 'Group' | 'User';
  readonly principalDisplayName: string;
  readonly resourceId: string;
  readonly resourceDisplayName: string;
  readonly createdDateTime: string;
  readonly deletedDateTime: null;
};

/** The role id of an assignment without a role. */
const defaultAccess = '00000000-0000-0000-0000-000000000000';

/** Lists every assignment to the application: groups, people, and one entry for each role of a person. */
export function appRoleAssignments(directory: Directory): AppRoleAssignment[] {
  const { application } = directory;
  const roleIds = new Map(application.appRoles.map((role) => [role.value, role.id]));
  const assign = (
    principal: { readonly id: string; readonly displayName: string },
    principalType: AppRoleAssignment['principalType'],
    appRoleId: string,
  ): AppRoleAssignment => ({
    id: createHash('sha256').update(`${principal.id} ${appRoleId}`).digest('base64url'),
    appRoleId,
    principalId: principal.id,
    principalType,
    principalDisplayName: principal.displayName,
    resourceId: application.servicePrincipalId,
    resourceDisplayName: application.displayName,
    createdDateTime: '2025-01-01T00:00:00Z',
    deletedDateTime: null,
  });
  return [
    ...directory.people.flatMap((person) => [
      ...(person.assigned ? [assign(person, 'User', defaultAccess)] : []),
      ...person.appRoles.map((role) => assign(person, 'User', roleIds.get(role) ?? defaultAccess)),
    ]),
    ...directory.groups
      .filter((group) => group.assigned)
      .map((group) => assign(group, 'Group', defaultAccess)),
  ];
}
