import { describe, expect, it } from 'vitest';
import type { DesiredState } from '../../shared/provisioning/desiredState.ts';
import type { GlobalRole } from '../../shared/model/entities.ts';
import type { UserRecord } from '../../shared/model/userRecord.ts';
import type { Rules } from '../../shared/model/rules.ts';
import { claimPatch, profilePatch } from '../../shared/provisioning/personRow.ts';
import { ALICE, message, sampleRules, TENANT_ID } from '../support/world.ts';

const AT = '2026-11-23T09:00:00.000Z';

function desired(userRole: GlobalRole, userRoleOnceKnown: GlobalRole = userRole): DesiredState {
  return {
    teams: new Map(),
    organizations: new Map(),
    held: new Set(),
    userRole,
    userRoleOnceKnown,
    userRoleIsFixed: false,
    organizationRole: 'internal_user',
    reported: [],
  };
}

function record(changes: Partial<UserRecord> = {}): UserRecord {
  return {
    etag: 'W/"1"',
    run: undefined,
    sessionsValidFrom: undefined,
    active: true,
    isNew: false,
    user: {
      user_id: ALICE,
      tenant_id: TENANT_ID,
      sso_user_id: ALICE,
      user_role: 'internal_user',
      models: [],
      active: true,
      created_at: AT,
      updated_at: AT,
    },
    fields: {
      user_role: { current: 'internal_user', written: 'internal_user' },
      user_email: { current: 'alice@company.com', written: 'alice@company.com' },
      display_name: { current: 'Alice', written: 'Alice' },
    },
    unreadable: undefined,
    ...changes,
  };
}

function withRole(current: string | undefined, written: string | undefined): UserRecord {
  const base = record();
  return { ...base, fields: { ...base.fields, user_role: { current, written } } };
}

function patch(
  before: UserRecord | undefined,
  state: DesiredState,
  rules: Partial<Rules> = {},
): ReturnType<typeof profilePatch> {
  const person = message({ name: 'Alice Anders', email: 'anders@company.com' }).person;
  return profilePatch({ record: before, person, desired: state, rules: sampleRules(rules), at: AT });
}

interface RoleCase {
  readonly rule: string;
  readonly before: UserRecord | undefined;
  readonly desired: DesiredState;
  readonly claimed: GlobalRole | undefined;
  readonly finished: GlobalRole | undefined;
}

describe('the role', () => {
  it.each<RoleCase>([
    {
      rule: 'a new person gets it at the finish',
      before: undefined,
      desired: desired('proxy_admin'),
      claimed: undefined,
      finished: 'proxy_admin',
    },
    {
      rule: 'a higher one waits for the finish',
      before: withRole('internal_user', 'internal_user'),
      desired: desired('proxy_admin'),
      claimed: undefined,
      finished: 'proxy_admin',
    },
    {
      rule: 'a lower one is written at once by the claim',
      before: withRole('proxy_admin', 'proxy_admin'),
      desired: desired('internal_user'),
      claimed: 'internal_user',
      finished: 'internal_user',
    },
    {
      rule: 'the same one is not written',
      before: withRole('internal_user', 'internal_user'),
      desired: desired('internal_user'),
      claimed: undefined,
      finished: undefined,
    },
    {
      rule: 'one edited by hand stays, also where Entra gives a lower one',
      before: withRole('proxy_admin', 'internal_user'),
      desired: desired('internal_user_viewer'),
      claimed: undefined,
      finished: undefined,
    },
    {
      rule: 'one edited by hand stays, also where Entra gives a higher one',
      before: withRole('internal_user_viewer', 'internal_user'),
      desired: desired('proxy_admin'),
      claimed: undefined,
      finished: undefined,
    },
    {
      rule: 'one that a person cleared stays cleared',
      before: withRole(undefined, 'proxy_admin'),
      desired: desired('proxy_admin'),
      claimed: undefined,
      finished: undefined,
    },
    {
      rule: 'one that nobody can read stays',
      before: withRole('emperor', 'internal_user'),
      desired: desired('proxy_admin'),
      claimed: undefined,
      finished: undefined,
    },
    {
      rule: 'a row that only a sign-out made gets it',
      before: withRole(undefined, undefined),
      desired: desired('internal_user'),
      claimed: undefined,
      finished: 'internal_user',
    },
    {
      rule: 'a higher one stays while a group that explains it is not yet known',
      before: withRole('proxy_admin', 'proxy_admin'),
      desired: desired('internal_user', 'proxy_admin'),
      claimed: undefined,
      finished: undefined,
    },
    {
      rule: 'it is lowered as far as a group that is not yet known explains it',
      before: withRole('proxy_admin', 'proxy_admin'),
      desired: desired('internal_user', 'proxy_admin_viewer'),
      claimed: 'proxy_admin_viewer',
      finished: 'proxy_admin_viewer',
    },
    {
      rule: 'it is not raised for a group that is not yet known',
      before: withRole('internal_user', 'internal_user'),
      desired: desired('internal_user', 'proxy_admin'),
      claimed: undefined,
      finished: undefined,
    },
    {
      rule: 'it is lowered where a group that is not yet known gives less than others',
      before: withRole('proxy_admin', 'proxy_admin'),
      desired: desired('internal_user', 'internal_user_viewer'),
      claimed: 'internal_user',
      finished: 'internal_user',
    },
  ])('$rule', ({ before, desired: state, claimed, finished }) => {
    const inClaim = claimed === undefined ? {} : { user_role: claimed, user_role_written: claimed };
    expect(claimPatch(before, state)).toStrictEqual(inClaim);
    const { user_role, user_role_written } = patch(before, state);
    expect([user_role, user_role_written]).toStrictEqual([finished, finished]);
  });
});

describe('email and name', () => {
  it('become what Entra says', () => {
    expect(patch(record(), desired('internal_user'))).toMatchObject({
      user_email: 'anders@company.com',
      user_email_written: 'anders@company.com',
      display_name: 'Alice Anders',
      display_name_written: 'Alice Anders',
      tenant_id: TENANT_ID,
      updated_at: AT,
    });
  });

  it('stay where a person edited them', () => {
    const base = record();
    const edited = record({
      fields: {
        ...base.fields,
        user_email: { current: 'mine@company.com', written: 'alice@company.com' },
        display_name: { current: undefined, written: 'Alice' },
      },
    });
    expect(Object.keys(patch(edited, desired('internal_user'))).toSorted()).toStrictEqual([
      'tenant_id',
      'updated_at',
    ]);
  });

  it('are cleared where Entra says none', () => {
    const { display_name: _name, user_email: _email, ...person } = message().person;
    const result = profilePatch({
      record: record(),
      person,
      desired: desired('internal_user'),
      rules: sampleRules(),
      at: AT,
    });
    expect(result).toMatchObject({
      user_email: null,
      user_email_written: null,
      display_name: null,
      display_name_written: null,
    });
  });
});

describe('what a user starts with', () => {
  const rules = { defaultUserParams: { models: ['gpt-4'], max_budget: 20, budget_duration: '7d' } };
  const start = new Set(['active', 'created_at', 'max_budget', 'budget_duration', 'models']);

  function started(before: UserRecord | undefined): Record<string, unknown> {
    const all = Object.entries(patch(before, desired('internal_user'), rules));
    return Object.fromEntries(all.filter(([field]) => start.has(field)));
  }

  it('is DEFAULT_INTERNAL_USER_PARAMS for a new one', () => {
    expect(started(undefined)).toStrictEqual({
      active: true,
      created_at: AT,
      models: ['gpt-4'],
      max_budget: 20,
      budget_duration: '7d',
    });
  });

  it('is nothing more for an existing one, even if the settings have changed', () => {
    expect(started(record())).toStrictEqual({});
  });

  it('leaves what a person wrote into a row that was not provisioned yet', () => {
    const base = record({ isNew: true, active: false });
    const made = { ...base, user: { ...base.user, max_budget: 5, models: ['mine'] } };
    expect(started(made)).toStrictEqual({ active: false, created_at: AT, budget_duration: '7d' });
  });

  it('leaves what is unreadable', () => {
    const columns = ['models', 'max_budget', 'active'];
    const made = record({ isNew: true, active: false, unreadable: { table: 'Users', columns } });
    expect(started(made)).toStrictEqual({ created_at: AT, budget_duration: '7d' });
  });
});
