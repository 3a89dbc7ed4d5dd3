import { describe, expect, it } from 'vitest';
import type { KnownGroup, Presence } from '../../shared/model/assignedGroups.ts';
import {
  type CountedGroups,
  type DesiredState,
  countGroups,
  desiredState,
} from '../../shared/provisioning/desiredState.ts';
import type { Observation } from '../../shared/model/observation.ts';
import type { Rules } from '../../shared/model/rules.ts';
import { message, sampleRules } from '../support/world.ts';

function known(id: string, team: Presence = 'present', organization: Presence = 'present'): KnownGroup {
  return { id, displayName: id.toUpperCase(), team, organization };
}

function observed(groups: readonly string[], options: Parameters<typeof message>[0] = {}): Observation {
  return message({ groups, ...options });
}

function desired(
  observation: Observation,
  accepted: readonly KnownGroup[],
  rules: Partial<Rules> = {},
): DesiredState {
  return desiredState(observation, countGroups(observation, accepted), sampleRules(rules));
}

describe('countGroups', () => {
  it.each<{
    rule: string;
    source: 'claim' | 'directory';
    groups: readonly string[];
    counted: readonly string[];
    unknown: readonly string[];
  }>([
    {
      rule: 'counts the assigned ones',
      source: 'directory',
      groups: ['a', 'b'],
      counted: ['a', 'b'],
      unknown: [],
    },
    {
      rule: 'leaves out what is not assigned',
      source: 'directory',
      groups: ['a', 'x'],
      counted: ['a'],
      unknown: [],
    },
    {
      rule: 'calls what is not in the list not yet known',
      source: 'claim',
      groups: ['a', 'x'],
      counted: ['a'],
      unknown: ['x'],
    },
    {
      rule: 'counts repeated ids once',
      source: 'claim',
      groups: ['a', 'x', 'a', 'x'],
      counted: ['a'],
      unknown: ['x'],
    },
    {
      rule: 'counts nothing for a person without groups',
      source: 'claim',
      groups: [],
      counted: [],
      unknown: [],
    },
  ])('$rule, of a $source', ({ source, groups, counted, unknown }) => {
    const result = countGroups(observed(groups, { source }), [known('a'), known('b')]);
    expect(result.counted.map((group) => group.id)).toStrictEqual(counted);
    expect(result.unknown).toStrictEqual(unknown);
  });

  it('counts nothing against an empty accepted list: an empty list grants nothing', () => {
    const result = desired(observed(['a', 'b'], { source: 'directory' }), []);
    expect([result.teams.size, result.organizations.size]).toStrictEqual([0, 0]);
  });
});

describe('desiredState', () => {
  it('puts the person with the flag on into the team and the organization of every group', () => {
    const { teams, organizations, reported } = desired(observed(['a', 'b']), [known('a'), known('b')]);
    expect(Object.fromEntries(teams)).toStrictEqual({ a: 'user', b: 'user' });
    expect(Object.fromEntries(organizations)).toStrictEqual({ a: 'internal_user', b: 'internal_user' });
    expect(reported).toStrictEqual([]);
  });

  it('puts the person with the flag off into the team alone, and still holds organization memberships', () => {
    const state = desired(observed(['a']), [known('a', 'present', 'absent')], {
      groupsAlsoCreateOrgs: false,
    });
    expect(Object.fromEntries(state.teams)).toStrictEqual({ a: 'user' });
    expect(state.organizations.size).toBe(0);
    expect([...state.held]).toStrictEqual(['a']);
    expect(state.reported).toStrictEqual([]);
  });

  it('makes the person org_admin of every organization by the app role', () => {
    const state = desired(observed(['a', 'b'], { appRoles: ['Org_Admin'] }), [known('a'), known('b')]);
    expect(Object.fromEntries(state.organizations)).toStrictEqual({ a: 'org_admin', b: 'org_admin' });
    expect(Object.fromEntries(state.teams)).toStrictEqual({ a: 'user', b: 'user' });
  });

  it.each<{
    rule: string;
    group: KnownGroup;
    team: boolean;
    organization: boolean;
    reported: DesiredState['reported'];
  }>([
    {
      rule: 'an organization that could not be created',
      group: known('a', 'present', 'absent'),
      team: true,
      organization: false,
      reported: [{ kind: 'organization', id: 'a', code: 'organization_unavailable' }],
    },
    {
      rule: 'an unreadable organization',
      group: { ...known('a', 'present', 'unreadable'), unreadableOrganization: 'Organizations: models' },
      team: true,
      organization: false,
      reported: [{ kind: 'organization', id: 'a', code: 'row_unreadable', detail: 'Organizations: models' }],
    },
    {
      rule: 'an unreadable team',
      group: { ...known('a', 'unreadable'), unreadableTeam: 'Teams: max_budget' },
      team: false,
      organization: true,
      reported: [{ kind: 'team', id: 'a', code: 'row_unreadable', detail: 'Teams: max_budget' }],
    },
    {
      rule: 'a team that is missing',
      group: known('a', 'absent'),
      team: false,
      organization: true,
      reported: [{ kind: 'team', id: 'a', code: 'row_missing' }],
    },
    {
      rule: 'a degraded team, which the person still joins',
      group: known('a', 'degraded', 'absent'),
      team: true,
      organization: false,
      reported: [
        { kind: 'team', id: 'a', code: 'standalone_for_now' },
        { kind: 'organization', id: 'a', code: 'organization_unavailable' },
      ],
    },
  ])('withholds only what is concerned, and says so: $rule', ({ group, team, organization, reported }) => {
    const state = desired(observed(['a', 'b']), [group, known('b')]);
    expect([...state.teams.keys()]).toStrictEqual(team ? ['a', 'b'] : ['b']);
    expect([...state.organizations.keys()]).toStrictEqual(organization ? ['a', 'b'] : ['b']);
    expect(state.reported).toStrictEqual(reported);
    expect([...state.held].toSorted()).toStrictEqual(['a', 'b']);
  });

  it('grants nothing for a group that is not yet known, keeps existing memberships, and names it', () => {
    const state = desired(observed(['a', 'x']), [known('a')]);
    expect([...state.teams.keys()]).toStrictEqual(['a']);
    expect([...state.held].toSorted()).toStrictEqual(['a', 'x']);
    expect(state.reported).toStrictEqual([{ kind: 'group', id: 'x', code: 'group_not_yet_known' }]);
  });

  it('does not hold a directory group that is not assigned', () => {
    const state = desired(observed(['a', 'x'], { source: 'directory' }), [known('a')]);
    expect([...state.held]).toStrictEqual(['a']);
    expect(state.reported).toStrictEqual([]);
  });
});

describe('desiredState without a service principal', () => {
  const rules = { assignedGroupsAreKnown: false };
  const exists = [known('a'), known('b', 'absent', 'absent'), known('c', 'present', 'absent')];

  it('lets the person join what exists under their group ids, and reports nothing about the rest', () => {
    const state = desired(observed(['a', 'b', 'c']), exists, rules);
    expect([...state.teams.keys()]).toStrictEqual(['a', 'c']);
    expect([...state.organizations.keys()]).toStrictEqual(['a']);
    expect(state.reported).toStrictEqual([]);
  });

  it('joins no organization with the flag off', () => {
    expect(
      desired(observed(['a']), exists, { ...rules, groupsAlsoCreateOrgs: false }).organizations.size,
    ).toBe(0);
  });

  it('holds every id that the person has, also without a team', () => {
    expect([...desired(observed(['a', 'b']), exists, rules).held].toSorted()).toStrictEqual(['a', 'b']);
  });

  it('still reports a row that cannot be read', () => {
    const unreadable = [{ ...known('a', 'unreadable'), unreadableTeam: 'Teams: models' }];
    expect(desired(observed(['a']), unreadable, rules).reported).toStrictEqual([
      { kind: 'team', id: 'a', code: 'row_unreadable', detail: 'Teams: models' },
    ]);
  });

  it('maps roles over every id that the person has, team or not', () => {
    const mapped = { ...rules, roleMappings: new Map([['nowhere', 'proxy_admin_viewer'] as const]) };
    expect(desired(observed(['nowhere']), [], mapped).userRole).toBe('proxy_admin_viewer');
  });
});

describe('the global role', () => {
  const roleMappings = new Map([
    ['a', 'internal_user'],
    ['x', 'proxy_admin_viewer'],
  ] as const);

  function roles(groups: readonly string[], options: Parameters<typeof message>[0] = {}): readonly string[] {
    const observation = observed(groups, options);
    const counted: CountedGroups = countGroups(observation, [known('a')]);
    const state = desiredState(observation, counted, sampleRules({ roleMappings }));
    return [state.userRole, state.userRoleOnceKnown];
  }

  it('is mapped over the groups that count, and not over one that is not yet known', () => {
    expect(roles(['a', 'x'])).toStrictEqual(['internal_user', 'proxy_admin_viewer']);
  });

  it('is not mapped over a group that is not assigned', () => {
    expect(roles(['a', 'x'], { source: 'directory' })).toStrictEqual(['internal_user', 'internal_user']);
  });

  it('comes from an app role, even if a group that is not yet known may give another', () => {
    expect(roles(['a', 'x'], { appRoles: ['internal_user_viewer'] })).toStrictEqual([
      'internal_user_viewer',
      'internal_user_viewer',
    ]);
  });
});
