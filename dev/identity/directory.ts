/**
 * The emulated tenant: one application, people, groups. Plain JSON, read from a file and changed through the control
 * interface; a change makes a new value, never edits one in place.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';

import { ControlRefused } from '../emulator/control.ts';

const id = z.string().min(1).max(128);

export const personSchema = z.strictObject({
  /** The object id (`oid`). */
  id,
  displayName: z.string().min(1),
  /** What the person signs in with. A guest's has `#EXT#` in it. */
  userPrincipalName: z.string().min(3),
  mail: z.string().min(3).optional(),
  /** Shown on the page where a person is picked. */
  about: z.string().optional(),
  /** `false`: the account is blocked (AADSTS50057). */
  enabled: z.boolean().default(true),
  /** Assigned to the application directly, without a group. */
  assigned: z.boolean().default(false),
  /** Values of the application's roles that the person holds. */
  appRoles: z.array(z.string()).default([]),
  /** `false`: the person is asked for consent at the next sign-in. */
  consented: z.boolean().default(true),
  /** Display names; they turn up in `memberOf` beside the groups. */
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
   * `ApplicationGroup`: the assigned groups of which a person is a direct member. `SecurityGroup`: every group.
   * `None`: no claim.
   */
  groupMembershipClaims: z.enum(['ApplicationGroup', 'SecurityGroup', 'None']).default('ApplicationGroup'),
  appRoles: z.array(z.strictObject({ id, value: z.string().min(1), displayName: z.string() })).default([]),
  /** Entra dates `iat` and `nbf` five minutes back; `exp` stays an hour ahead of the true time. */
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
/** A directory as one may write it down, with defaults left out. */
export type DirectoryInput = z.input<typeof directorySchema>;

/** A directory that cannot be one; the message names every fault. */
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

/** Gives the directory in `value`, defaults filled in. Throws {@link DirectoryInvalid}, naming every fault. */
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

/** Finds a person by object id, or else by UPN or mail in any case. */
export function findPerson(directory: Directory, idOrLogin: string): Person | undefined {
  const login = idOrLogin.toLowerCase();
  return (
    directory.people.find((person) => person.id === idOrLogin) ??
    directory.people.find((person) => person.userPrincipalName.toLowerCase() === login) ??
    directory.people.find((person) => person.mail?.toLowerCase() === login)
  );
}

/** What a person types to sign in: the mail address of a guest, the UPN of everybody else. */
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

/** Every group of which the person is a direct member, assigned or not, in the directory's order. */
export function groupsOf(directory: Directory, personId: string): readonly Group[] {
  let index = groupsByMember.get(directory);
  if (index === undefined) {
    index = indexByMember(directory);
    groupsByMember.set(directory, index);
  }
  return index.get(personId) ?? [];
}

/** Whether the person may use the application: directly, by a role, or as a direct member of an assigned group. */
export function isAssigned(directory: Directory, person: Person): boolean {
  return (
    !directory.application.assignmentRequired ||
    person.assigned ||
    person.appRoles.length > 0 ||
    groupsOf(directory, person.id).some((group) => group.assigned)
  );
}

/** The person's `sub`: another one at every application, and never the object id. */
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

/** The role that stands for "assigned, with no role". */
const defaultAccess = '00000000-0000-0000-0000-000000000000';

/** Gives every assignment to the application: groups, people, and one entry for each role that a person holds. */
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
