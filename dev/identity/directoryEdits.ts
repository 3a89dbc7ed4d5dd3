/** Changes to the emulated tenant, in the form that the control API accepts. */
import { z } from 'zod';

import type { Directory, Group, Person } from './directory.ts';
import {
  applicationSchema,
  DirectoryInvalid,
  findPerson,
  groupSchema,
  parseDirectory,
  personSchema,
} from './directory.ts';

const person = z.string().min(1);
const group = z.string().min(1);

// Without the defaults of the whole object, because a field that a change leaves out stays as it is.
const personChanges = z.partialRecord(personSchema.keyof().exclude(['id']), z.unknown());
const groupChanges = z.partialRecord(groupSchema.keyof().exclude(['id']), z.unknown());
const applicationChanges = z.partialRecord(
  applicationSchema.keyof().exclude(['clientId', 'servicePrincipalId']),
  z.unknown(),
);

export const directoryEditSchema = z.discriminatedUnion('edit', [
  z.strictObject({ edit: z.literal('addToGroup'), person, group }),
  z.strictObject({ edit: z.literal('removeFromGroup'), person, group }),
  z.strictObject({ edit: z.literal('assignGroup'), group }),
  z.strictObject({ edit: z.literal('unassignGroup'), group }),
  z.strictObject({ edit: z.literal('createPerson'), person: personSchema }),
  z.strictObject({ edit: z.literal('updatePerson'), person, changes: personChanges }),
  z.strictObject({ edit: z.literal('deletePerson'), person }),
  z.strictObject({ edit: z.literal('createGroup'), group: groupSchema }),
  z.strictObject({ edit: z.literal('updateGroup'), group, changes: groupChanges }),
  z.strictObject({ edit: z.literal('deleteGroup'), group }),
  z.strictObject({
    edit: z.literal('createManyGroups'),
    count: z.number().int().min(1).max(20_000),
    /** Ids are `<prefix>-1` to `<prefix>-<count>`. */
    prefix: z.string().min(1).max(100),
    assigned: z.boolean().default(true),
    /** Ids or logins of people who are members of each group. */
    members: z.array(person).default([]),
  }),
  z.strictObject({ edit: z.literal('updateApplication'), changes: applicationChanges }),
]);

export type DirectoryEdit = z.input<typeof directoryEditSchema>;
type ParsedEdit = z.output<typeof directoryEditSchema>;

function requirePerson(directory: Directory, idOrLogin: string): Person {
  const found = findPerson(directory, idOrLogin);
  if (found === undefined) {
    throw new DirectoryInvalid(`the person ${idOrLogin} does not exist`);
  }
  return found;
}

function changeGroup(directory: Directory, groupId: string, change: (group: Group) => unknown): unknown[] {
  if (!directory.groups.some((each) => each.id === groupId)) {
    throw new DirectoryInvalid(`the group ${groupId} does not exist`);
  }
  return directory.groups.map((each) => (each.id === groupId ? change(each) : each));
}

function withoutPerson(directory: Directory, personId: string): object {
  return {
    ...directory,
    people: directory.people.filter((each) => each.id !== personId),
    groups: directory.groups.map((each) => ({
      ...each,
      memberIds: each.memberIds.filter((memberId) => memberId !== personId),
    })),
  };
}

function createManyGroups(directory: Directory, edit: ParsedEdit & { edit: 'createManyGroups' }): Group[] {
  const memberIds = edit.members.map((member) => requirePerson(directory, member).id);
  return Array.from({ length: edit.count }, (_, index) => ({
    id: `${edit.prefix}-${index + 1}`,
    displayName: `${edit.prefix} ${index + 1}`,
    assigned: edit.assigned,
    memberIds,
  }));
}

function editPeople(directory: Directory, edit: ParsedEdit & { edit: `${string}Person` }): object {
  switch (edit.edit) {
    case 'createPerson':
      return { ...directory, people: [...directory.people, edit.person] };
    case 'updatePerson': {
      const { id } = requirePerson(directory, edit.person);
      const people = directory.people.map((each) => (each.id === id ? { ...each, ...edit.changes } : each));
      return { ...directory, people };
    }
    // deletePerson, the only edit left
    default:
      return withoutPerson(directory, requirePerson(directory, edit.person).id);
  }
}

function applyEdit(directory: Directory, edit: ParsedEdit): object {
  switch (edit.edit) {
    case 'createPerson':
    case 'updatePerson':
    case 'deletePerson':
      return editPeople(directory, edit);
    case 'addToGroup': {
      const { id } = requirePerson(directory, edit.person);
      const add = (each: Group): Group => ({ ...each, memberIds: [...new Set([...each.memberIds, id])] });
      return { ...directory, groups: changeGroup(directory, edit.group, add) };
    }
    case 'removeFromGroup': {
      const { id } = requirePerson(directory, edit.person);
      const remove = (each: Group): Group => ({
        ...each,
        memberIds: each.memberIds.filter((other) => other !== id),
      });
      return { ...directory, groups: changeGroup(directory, edit.group, remove) };
    }
    case 'assignGroup':
    case 'unassignGroup': {
      const assigned = edit.edit === 'assignGroup';
      return { ...directory, groups: changeGroup(directory, edit.group, (each) => ({ ...each, assigned })) };
    }
    case 'createGroup':
      return { ...directory, groups: [...directory.groups, edit.group] };
    case 'updateGroup':
      return {
        ...directory,
        groups: changeGroup(directory, edit.group, (each) => ({ ...each, ...edit.changes })),
      };
    case 'deleteGroup':
      changeGroup(directory, edit.group, (each) => each);
      return { ...directory, groups: directory.groups.filter((each) => each.id !== edit.group) };
    case 'createManyGroups':
      return { ...directory, groups: [...directory.groups, ...createManyGroups(directory, edit)] };
    // updateApplication, the only edit left
    default:
      return { ...directory, application: { ...directory.application, ...edit.changes } };
  }
}

/** Returns the directory after all `edits`, in order. Throws {@link DirectoryInvalid} if any of them is impossible. */
export function editDirectory(directory: Directory, edits: readonly ParsedEdit[]): Directory {
  return edits.reduce((current, edit) => parseDirectory(applyEdit(current, edit)), directory);
}
