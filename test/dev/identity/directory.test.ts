import { describe, expect, it } from 'vitest';

import {
  appRoleAssignments,
  findPerson,
  findPersonBySubject,
  groupsOf,
  isAssigned,
  parseDirectory,
  subjectOf,
} from '../../../dev/identity/directory.ts';
import type { Directory, Person } from '../../../dev/identity/directory.ts';
import { directoryEditSchema, editDirectory } from '../../../dev/identity/directoryEdits.ts';
import type { DirectoryEdit } from '../../../dev/identity/directoryEdits.ts';
import { idTokenClaims } from '../../../dev/identity/idTokenClaims.ts';
import { createSampleDirectory, sampleGroups, samplePeople } from '../../../dev/identity/sampleDirectory.ts';

const sample = createSampleDirectory();

function requirePerson(directory: Directory, login: string): Person {
  const person = findPerson(directory, login);
  if (person === undefined) {
    throw new Error(`the person ${login} does not exist`);
  }
  return person;
}

const edit = (...edits: readonly DirectoryEdit[]): Directory =>
  editDirectory(
    sample,
    edits.map((each) => directoryEditSchema.parse(each)),
  );

describe('the sample tenant', () => {
  it('is the same every time', () => {
    expect(createSampleDirectory()).toEqual(sample);
  });

  it("holds the product's own example", () => {
    const production = sample.groups.find((group) => group.id === 'entra-group-123');
    expect(production).toMatchObject({ displayName: 'Production Team', assigned: true });
    for (const login of ['alice@company.com', 'bob@company.com']) {
      expect(production?.memberIds).toContain(requirePerson(sample, login).id);
    }
  });

  it.each([
    ['alice@company.com', true],
    ['bob@company.com', true],
    ['nora@company.com', true],
    ['peter@company.com', true],
    ['ulrich@company.com', false],
  ])('%s may use the application: %s', (login, expected) => {
    expect(isAssigned(sample, requirePerson(sample, login))).toBe(expected);
  });

  it('lets everyone in if the application does not require assignment', () => {
    const open = edit({ edit: 'updateApplication', changes: { assignmentRequired: false } });
    expect(isAssigned(open, requirePerson(open, 'ulrich@company.com'))).toBe(true);
  });
});

describe('the search for people', () => {
  it('compares id, UPN or mail, in any case of the letters', () => {
    for (const key of [
      samplePeople.guest,
      'GRACE@partner.example',
      'grace_partner.example#ext#@company.onmicrosoft.com',
    ]) {
      expect(findPerson(sample, key)?.id).toBe(samplePeople.guest);
    }
    expect(findPerson(sample, 'nobody@company.com')).toBeUndefined();
  });

  it('compares the subject, which is not the id and differs between applications', () => {
    const alice = requirePerson(sample, 'alice@company.com');
    const subject = subjectOf(sample, alice);
    expect(findPersonBySubject(sample, subject)).toBe(alice);
    const other = parseDirectory({ ...sample, application: { ...sample.application, clientId: 'another' } });
    expect(subjectOf(other, alice)).not.toBe(subject);
  });
});

describe('edits', () => {
  it('add people to groups and remove them, once', () => {
    const added = edit(
      { edit: 'addToGroup', person: 'nora@company.com', group: sampleGroups.empty },
      { edit: 'addToGroup', person: 'nora@company.com', group: sampleGroups.empty },
    );
    expect(groupsOf(added, samplePeople.noGroups).map((group) => group.id)).toEqual([sampleGroups.empty]);
    expect(added.groups.find((group) => group.id === sampleGroups.empty)?.memberIds).toEqual([
      samplePeople.noGroups,
    ]);
    const removed = edit({
      edit: 'removeFromGroup',
      person: 'bob@company.com',
      group: sampleGroups.production,
    });
    expect(groupsOf(removed, samplePeople.bob)).toEqual([]);
    expect(groupsOf(sample, samplePeople.bob)).toHaveLength(1);
  });

  it('assign groups and remove the assignment', () => {
    const isListed = (directory: Directory, id: string): boolean =>
      appRoleAssignments(directory).some((each) => each.principalId === id);
    expect(
      isListed(edit({ edit: 'assignGroup', group: sampleGroups.notAssigned }), sampleGroups.notAssigned),
    ).toBe(true);
    expect(
      isListed(edit({ edit: 'unassignGroup', group: sampleGroups.production }), sampleGroups.production),
    ).toBe(false);
  });

  it('create, change and delete people and groups', () => {
    const changed = edit(
      { edit: 'createPerson', person: { id: 'p', displayName: 'P', userPrincipalName: 'p@company.com' } },
      { edit: 'createGroup', group: { id: 'g', displayName: 'G', assigned: true, memberIds: ['p'] } },
      { edit: 'updatePerson', person: 'p', changes: { displayName: 'Renamed', appRoles: ['org_admin'] } },
      { edit: 'updateGroup', group: 'g', changes: { displayName: 'Renamed group' } },
    );
    expect(findPerson(changed, 'p')).toMatchObject({
      displayName: 'Renamed',
      enabled: true,
      appRoles: ['org_admin'],
    });
    expect(groupsOf(changed, 'p')).toMatchObject([{ displayName: 'Renamed group', assigned: true }]);
    const gone = editDirectory(changed, [
      { edit: 'deletePerson', person: 'p' },
      { edit: 'deleteGroup', group: 'g' },
    ]);
    expect(gone).toEqual(sample);
  });

  it('create many groups at once', () => {
    const many = edit({
      edit: 'createManyGroups',
      count: 5000,
      prefix: 'scale',
      members: ['nora@company.com'],
    });
    expect(groupsOf(many, samplePeople.noGroups)).toHaveLength(5000);
  });

  it.each<[string, DirectoryEdit, RegExp]>([
    [
      'an unknown person',
      { edit: 'addToGroup', person: 'x', group: sampleGroups.empty },
      /person x does not exist/,
    ],
    [
      'an unknown group',
      { edit: 'addToGroup', person: 'bob@company.com', group: 'x' },
      /group x does not exist/,
    ],
    ['an unknown group to delete', { edit: 'deleteGroup', group: 'x' }, /group x does not exist/],
    [
      'a person twice',
      {
        edit: 'updatePerson',
        person: 'bob@company.com',
        changes: { userPrincipalName: 'ALICE@company.com' },
      },
      /two people sign in as/,
    ],
    [
      'a group twice',
      { edit: 'createGroup', group: { id: sampleGroups.empty, displayName: 'x' } },
      /two groups have the id/,
    ],
    [
      'an unknown app role',
      { edit: 'updatePerson', person: 'bob@company.com', changes: { appRoles: ['king'] } },
      /unknown app role king/,
    ],
    [
      'a wrong type',
      { edit: 'updatePerson', person: 'bob@company.com', changes: { enabled: 'yes' } },
      /enabled/,
    ],
  ])('refuse %s', (_what, wrong, reason) => {
    expect(() => edit(wrong)).toThrow(reason);
  });
});

describe('id_token claims', () => {
  const now = new Date('2026-01-01T12:00:00Z');
  const alice = requirePerson(sample, 'alice@company.com');

  it('contain the assigned groups only, or every group if the application says so', () => {
    expect(idTokenClaims(alice, { directory: sample, faults: {}, now })['groups']).toEqual([
      sampleGroups.production,
    ]);
    const wide = edit({ edit: 'updateApplication', changes: { groupMembershipClaims: 'SecurityGroup' } });
    expect(idTokenClaims(alice, { directory: wide, faults: {}, now })['groups']).toEqual([
      sampleGroups.production,
      sampleGroups.notAssigned,
    ]);
    const none = edit({ edit: 'updateApplication', changes: { groupMembershipClaims: 'None' } });
    expect('groups' in idTokenClaims(alice, { directory: none, faults: {}, now })).toBe(false);
  });

  it('have times as far in the past as the application says', () => {
    const exact = edit({ edit: 'updateApplication', changes: { idTokenBackdatedSeconds: 0 } });
    expect(idTokenClaims(alice, { directory: exact, faults: {}, now })['iat']).toBe(now.getTime() / 1000);
    expect(idTokenClaims(alice, { directory: sample, faults: {}, now })['iat']).toBe(
      now.getTime() / 1000 - 300,
    );
  });
});
