/** The tenant with which the local stack starts: the product's own example, and one person for each special case. */
import type { Directory, DirectoryInput } from './directory.ts';
import { parseDirectory } from './directory.ts';

type PersonInput = DirectoryInput['people'][number];
type GroupInput = DirectoryInput['groups'][number];

const domain = 'company.com';

/** Object ids, the same on every machine. */
export const samplePeople = {
  alice: 'a11ce000-0000-4000-8000-000000000001',
  bob: 'b0b00000-0000-4000-8000-000000000002',
  guest: '90e57000-0000-4000-8000-000000000003',
  manyGroups: '250a9000-0000-4000-8000-000000000004',
  disabled: 'd15ab1ed-0000-4000-8000-000000000005',
  proxyAdmin: 'ad314000-0000-4000-8000-000000000006',
  orgAdmin: '09ad3140-0000-4000-8000-000000000007',
  notAssigned: '0a551940-0000-4000-8000-000000000008',
  noGroups: '09700000-0000-4000-8000-000000000009',
};

export const sampleGroups = {
  production: 'entra-group-123',
  /** Not assigned, with Alice in it. */
  notAssigned: '7e4a0000-0000-4000-8000-000000000001',
  /** Assigned, without members. */
  empty: '7e4a0000-0000-4000-8000-000000000002',
};

/** The number of assigned groups of the person with many groups. It is more than a token can list (200). */
export const sampleManyGroupsCount = 250;

export const sampleApplication = {
  tenantId: '7e0a0700-0000-4000-8000-00000000000a',
  clientId: 'c11e0700-0000-4000-8000-00000000000b',
  servicePrincipalId: '5e2f1ce0-0000-4000-8000-00000000000c',
  managedIdentity: {
    clientId: '3a0a9ed0-0000-4000-8000-00000000000d',
    principalId: '3a0a9ed0-0000-4000-8000-00000000000e',
  },
};

const people: readonly PersonInput[] = [
  {
    id: samplePeople.alice,
    displayName: 'Alice Anderson',
    userPrincipalName: `alice@${domain}`,
    mail: `alice@${domain}`,
    about: 'In Production Team, and in a group that is not assigned',
    assigned: true,
  },
  {
    id: samplePeople.bob,
    displayName: 'Bob Brown',
    userPrincipalName: `bob@${domain}`,
    mail: `bob@${domain}`,
    about: 'In Production Team',
  },
  {
    id: samplePeople.orgAdmin,
    displayName: 'Olivia Owens',
    userPrincipalName: `olivia@${domain}`,
    mail: `olivia@${domain}`,
    about: 'In Production Team, with the app role org_admin',
    appRoles: ['org_admin'],
  },
  {
    id: samplePeople.proxyAdmin,
    displayName: 'Peter Proctor',
    userPrincipalName: `peter@${domain}`,
    mail: `peter@${domain}`,
    about: 'Administrator: app role proxy_admin, a directory role, an administrative unit',
    appRoles: ['proxy_admin'],
    directoryRoles: ['Global Reader'],
    administrativeUnits: ['Headquarters'],
  },
  {
    id: samplePeople.guest,
    displayName: 'Grace Guest',
    userPrincipalName: `grace_partner.example#EXT#@${domain.replace('.com', '')}.onmicrosoft.com`,
    mail: 'grace@partner.example',
    about: 'Guest from another organization, in Production Team',
  },
  {
    id: samplePeople.manyGroups,
    displayName: 'Mary Many',
    userPrincipalName: `mary@${domain}`,
    mail: `mary@${domain}`,
    about: `In ${sampleManyGroupsCount} assigned groups: too many for the token (overage)`,
  },
  {
    id: samplePeople.noGroups,
    displayName: 'Nora None',
    userPrincipalName: `nora@${domain}`,
    about: 'Assigned directly, in no group, without mail',
    assigned: true,
  },
  {
    id: samplePeople.notAssigned,
    displayName: 'Ulrich Unassigned',
    userPrincipalName: `ulrich@${domain}`,
    mail: `ulrich@${domain}`,
    about: 'Not assigned to the application: Entra refuses (AADSTS50105)',
  },
  {
    id: samplePeople.disabled,
    displayName: 'Dora Disabled',
    userPrincipalName: `dora@${domain}`,
    mail: `dora@${domain}`,
    about: 'Account disabled: Entra refuses (AADSTS50057)',
    enabled: false,
    assigned: true,
  },
];

function createGroups(): GroupInput[] {
  const many = Array.from({ length: sampleManyGroupsCount }, (_, index): GroupInput => {
    const number = String(index + 1).padStart(3, '0');
    return {
      id: `3a270000-0000-4000-8000-000000000${number}`,
      displayName: `Project ${number}`,
      assigned: true,
      memberIds: [samplePeople.manyGroups],
    };
  });
  return [
    {
      id: sampleGroups.production,
      displayName: 'Production Team',
      assigned: true,
      memberIds: [samplePeople.alice, samplePeople.bob, samplePeople.orgAdmin, samplePeople.guest],
    },
    {
      id: sampleGroups.notAssigned,
      displayName: 'Book Club',
      memberIds: [samplePeople.alice, samplePeople.notAssigned],
    },
    { id: sampleGroups.empty, displayName: 'Research Team', assigned: true },
    ...many,
  ];
}

/** Creates the sample tenant, which is always the same. */
export function createSampleDirectory(): Directory {
  return parseDirectory({
    tenantId: sampleApplication.tenantId,
    application: {
      displayName: 'LiteLLM',
      clientId: sampleApplication.clientId,
      servicePrincipalId: sampleApplication.servicePrincipalId,
      appRoles: [
        'proxy_admin',
        'proxy_admin_viewer',
        'internal_user',
        'internal_user_viewer',
        'org_admin',
      ].map((value, index) => ({
        id: `a9920000-0000-4000-8000-00000000000${index + 1}`,
        value,
        displayName: value,
      })),
      managedIdentities: [sampleApplication.managedIdentity],
    },
    people,
    groups: createGroups(),
  });
}
