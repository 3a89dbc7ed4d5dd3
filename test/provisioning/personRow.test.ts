import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Observation } from '../../shared/model/observation.ts';
import type { Rules } from '../../shared/model/rules.ts';
import { isDigestFresh, runDigest } from '../../shared/provisioning/personRow.ts';
import { BOB, message, sampleRules } from '../support/world.ts';

const base: Observation = message({ id: 'one', groups: ['a', 'b', 'c'], appRoles: ['x', 'y'] });
const rules = sampleRules({
  roleMappings: new Map([
    ['a', 'internal_user'],
    ['b', 'proxy_admin'],
  ]),
});
const digest = runDigest(base, rules, 'version');

describe('runDigest', () => {
  it('is the same for the same observation made again, at another time', () => {
    const again = { ...base, id: 'two', observed_at: '2027-01-01T00:00:00Z' };
    expect(runDigest(again, rules, 'version')).toBe(digest);
    expect(digest).toMatch(/^[0-9a-f]{64}$/);
  });

  it('does not depend on the order of groups, app roles or mappings, nor on repeated groups', () => {
    fc.assert(
      fc.property(
        fc.shuffledSubarray(['a', 'b', 'c'], { minLength: 3 }),
        fc.shuffledSubarray(['x', 'y'], { minLength: 2 }),
        fc.shuffledSubarray([...rules.roleMappings], { minLength: 2 }),
        (groups, appRoles, mappings) => {
          const turned: Observation = {
            ...base,
            group_ids: [...groups, ...groups],
            person: { ...base.person, app_roles: appRoles },
          };
          const turnedRules = { ...rules, roleMappings: new Map(mappings) };
          expect(runDigest(turned, turnedRules, 'version')).toBe(digest);
        },
      ),
    );
  });

  it.each<readonly [string, Partial<Observation>]>([
    ['the person', { person: { ...base.person, user_id: BOB } }],
    ['the tenant', { person: { ...base.person, tenant_id: 'other' } }],
    ['the name', { person: { ...base.person, display_name: 'Other' } }],
    ['the email', { person: { ...base.person, user_email: 'other@company.com' } }],
    ['an app role more', { person: { ...base.person, app_roles: ['x', 'y', 'org_admin'] } }],
    ['an app role less', { person: { ...base.person, app_roles: ['x'] } }],
    ['a group more', { group_ids: ['a', 'b', 'c', 'd'] }],
    ['a group less', { group_ids: ['a', 'b'] }],
    ['no groups', { group_ids: [] }],
    ['where the groups came from', { groups_source: 'directory' }],
  ])('changes with %s', (_what, changes) => {
    expect(runDigest({ ...base, ...changes }, rules, 'version')).not.toBe(digest);
  });

  it.each<readonly [string, Partial<Rules>]>([
    ['ENTRA_GROUPS_ALSO_CREATE_ORGS', { groupsAlsoCreateOrgs: false }],
    ['DEFAULT_TEAM_PARAMS', { defaultTeamParams: { ...rules.defaultTeamParams, max_budget: 1001 } }],
    ['DEFAULT_INTERNAL_USER_PARAMS', { defaultUserParams: { models: [], user_role: 'internal_user' } }],
    [
      'a mapped role',
      {
        roleMappings: new Map([
          ['a', 'internal_user'],
          ['b', 'internal_user'],
        ]),
      },
    ],
    ['a mapping less', { roleMappings: new Map([['a', 'internal_user']]) }],
    ['PROXY_ADMIN_ID', { proxyAdminId: BOB }],
    ['ORG_TEAM_BUDGET', { orgTeamBudget: 'copy' }],
    ['MEMBERSHIP_SYNC_MODE', { membershipSyncMode: 'additive' }],
    ['whether MICROSOFT_SERVICE_PRINCIPAL_ID is set', { assignedGroupsAreKnown: false }],
  ])('changes with %s', (_setting, changes) => {
    expect(runDigest(base, { ...rules, ...changes }, 'version')).not.toBe(digest);
  });

  it('changes with the accepted list’s version', () => {
    const digests = ['version', 'other', undefined].map((version) => runDigest(base, rules, version));
    expect(new Set(digests).size).toBe(3);
  });
});

describe('isDigestFresh', () => {
  const HOUR_MS = 60 * 60 * 1000;
  it.each([
    ['at once', 0, true],
    ['just before 24 hours', 24 * HOUR_MS - 1, true],
    ['at 24 hours', 24 * HOUR_MS, false],
    ['long after', 1000 * HOUR_MS, false],
    ['where another clock made it in the future', -1, false],
  ])('%s: %i ms after it was made, %s', (_when, ageMs, fresh) => {
    const madeAt = new Date('2026-11-23T09:00:00.000Z');
    expect(isDigestFresh(madeAt.toISOString(), new Date(madeAt.getTime() + ageMs))).toBe(fresh);
  });

  it('is not fresh if its time is unreadable', () => {
    expect(isDigestFresh('yesterday', new Date())).toBe(false);
  });
});
