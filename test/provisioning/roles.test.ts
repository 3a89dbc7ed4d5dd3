import { describe, expect, it } from 'vitest';
import {
  type GlobalRole,
  GLOBAL_ROLES,
  isHigherRole,
  ORGANIZATION_ROLES,
} from '../../shared/model/entities.ts';
import type { Person } from '../../shared/model/observation.ts';
import { globalRoleOf, organizationRoleOf } from '../../shared/provisioning/desiredState.ts';
import type { Rules } from '../../shared/model/rules.ts';
import { ALICE, BOB, sampleRules, TENANT_ID } from '../support/world.ts';

function person(...appRoles: readonly string[]): Person {
  return { user_id: ALICE, tenant_id: TENANT_ID, app_roles: appRoles };
}

const MAPPINGS = new Map<string, GlobalRole>([
  ['viewers', 'internal_user_viewer'],
  ['users', 'internal_user'],
  ['auditors', 'proxy_admin_viewer'],
  ['admins', 'proxy_admin'],
]);

interface RoleCase {
  readonly rule: string;
  readonly appRoles?: readonly string[];
  readonly groups?: readonly string[];
  readonly rules?: Partial<Rules>;
  readonly role: GlobalRole;
}

describe('globalRoleOf', () => {
  it.each<RoleCase>([
    { rule: 'without any source, the least role', role: 'internal_user_viewer' },
    {
      rule: 'the default if neither an app role nor a mapping applies',
      rules: { defaultUserParams: { models: [], user_role: 'internal_user' } },
      role: 'internal_user',
    },
    { rule: 'an app role', appRoles: ['internal_user'], role: 'internal_user' },
    { rule: 'an app role in any case', appRoles: ['Proxy_Admin_VIEWER'], role: 'proxy_admin_viewer' },
    {
      rule: 'the highest app role in any order',
      appRoles: ['internal_user_viewer', 'proxy_admin', 'internal_user'],
      role: 'proxy_admin',
    },
    {
      rule: 'app roles other than LiteLLM’s global ones do not count',
      appRoles: ['org_admin', 'Reader', 'team_admin'],
      role: 'internal_user_viewer',
    },
    { rule: 'a mapped group', groups: ['users'], role: 'internal_user' },
    {
      rule: 'the highest mapped group',
      groups: ['users', 'auditors', 'viewers'],
      role: 'proxy_admin_viewer',
    },
    {
      rule: 'an app role wins over a mapping to a higher role',
      appRoles: ['internal_user'],
      groups: ['admins'],
      role: 'internal_user',
    },
    {
      rule: 'a mapping wins over a higher default',
      groups: ['viewers'],
      rules: { defaultUserParams: { models: [], user_role: 'proxy_admin' } },
      role: 'internal_user_viewer',
    },
    { rule: 'a group that is not mapped does not count', groups: ['others'], role: 'internal_user_viewer' },
    {
      rule: 'PROXY_ADMIN_ID is always proxy_admin',
      appRoles: ['internal_user_viewer'],
      groups: ['viewers'],
      rules: { proxyAdminId: ALICE },
      role: 'proxy_admin',
    },
    {
      rule: 'PROXY_ADMIN_ID applies only to the named user',
      rules: { proxyAdminId: BOB },
      role: 'internal_user_viewer',
    },
  ])('returns $role: $rule', ({ appRoles = [], groups = [], rules = {}, role }) => {
    const all = sampleRules({ roleMappings: MAPPINGS, ...rules });
    expect(globalRoleOf(person(...appRoles), groups, all)).toBe(role);
  });
});

describe('isHigherRole', () => {
  it('orders proxy_admin > proxy_admin_viewer > internal_user > internal_user_viewer', () => {
    const sorted = [...GLOBAL_ROLES].toReversed().sort((a, b) => (isHigherRole(a, b) ? -1 : 1));
    expect(sorted).toStrictEqual([
      'proxy_admin',
      'proxy_admin_viewer',
      'internal_user',
      'internal_user_viewer',
    ]);
    expect(isHigherRole('internal_user', 'internal_user')).toBe(false);
  });
});

describe('organizationRoleOf', () => {
  it.each([
    [['org_admin'], 'org_admin'],
    [['ORG_Admin', 'internal_user'], 'org_admin'],
    [[], 'internal_user'],
    [['proxy_admin'], 'internal_user'],
    [['internal_user_viewer'], 'internal_user'],
    [['org_admins'], 'internal_user'],
  ] as const)('for the app roles %j returns %s', (appRoles, role) => {
    expect(organizationRoleOf(person(...appRoles))).toBe(role);
  });

  it('lists LiteLLM’s organization roles and no other', () => {
    expect(ORGANIZATION_ROLES).toStrictEqual(['org_admin', 'internal_user', 'internal_user_viewer']);
  });
});
