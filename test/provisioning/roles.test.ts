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
    { rule: 'nothing says anything: the least', role: 'internal_user_viewer' },
    {
      rule: 'the default where neither an app role nor a mapping says anything',
      rules: { defaultUserParams: { models: [], user_role: 'internal_user' } },
      role: 'internal_user',
    },
    { rule: 'an app role', appRoles: ['internal_user'], role: 'internal_user' },
    { rule: 'an app role in any case', appRoles: ['Proxy_Admin_VIEWER'], role: 'proxy_admin_viewer' },
    {
      rule: 'the highest app role, whatever the order',
      appRoles: ['internal_user_viewer', 'proxy_admin', 'internal_user'],
      role: 'proxy_admin',
    },
    {
      rule: 'app roles that are none of LiteLLM’s global ones say nothing',
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
      rule: 'an app role before a mapping, also a lower one',
      appRoles: ['internal_user'],
      groups: ['admins'],
      role: 'internal_user',
    },
    {
      rule: 'a mapping before the default, also a lower one',
      groups: ['viewers'],
      rules: { defaultUserParams: { models: [], user_role: 'proxy_admin' } },
      role: 'internal_user_viewer',
    },
    { rule: 'a group that is not mapped says nothing', groups: ['others'], role: 'internal_user_viewer' },
    {
      rule: 'PROXY_ADMIN_ID is always proxy_admin',
      appRoles: ['internal_user_viewer'],
      groups: ['viewers'],
      rules: { proxyAdminId: ALICE },
      role: 'proxy_admin',
    },
    {
      rule: 'PROXY_ADMIN_ID names one user and nobody else',
      rules: { proxyAdminId: BOB },
      role: 'internal_user_viewer',
    },
  ])('gives $role: $rule', ({ appRoles = [], groups = [], rules = {}, role }) => {
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
  ] as const)('gives for the app roles %j %s', (appRoles, role) => {
    expect(organizationRoleOf(person(...appRoles))).toBe(role);
  });

  it('has exactly LiteLLM’s organization roles as valid ones', () => {
    expect(ORGANIZATION_ROLES).toStrictEqual(['org_admin', 'internal_user', 'internal_user_viewer']);
  });
});
