import { describe, expect, it } from 'vitest';
import { IdFingerprints } from '../../shared/litellm/idFingerprints.ts';
import {
  compareEntity,
  compareMembership,
  differingFields,
  type EntityComparison,
  isWrite,
  leaveAlone,
  type MembershipComparison,
  type MembershipDifference,
  subjectOf,
} from '../../shared/litellm/differences.ts';
import { ORGANIZATION_FIELDS } from '../../shared/litellm/planEntity.ts';
import type { OrganizationValues } from '../../shared/model/litellmValues.ts';

const since = '2026-11-23T09:00:00.000Z';
const values: OrganizationValues = { organization_alias: 'One', models: ['a', 'b'], max_budget: 10 };

interface Sides {
  readonly desired?: OrganizationValues;
  readonly actual?: OrganizationValues | undefined;
  readonly recorded?: EntityComparison<OrganizationValues>['recorded'];
  readonly version?: string;
}

function compare(sides: Sides): ReturnType<typeof compareEntity<OrganizationValues>> {
  const given = { desired: values, actual: values, recorded: { written: values, since }, ...sides };
  const { desired, actual, recorded, version = '1.84.10' } = given;
  const found = actual && { values: actual, members: [] };
  const comparison = { what: 'organization' as const, id: 'g1', recorded, version };
  return compareEntity({ ...comparison, desired: { values: desired }, actual: found }, ORGANIZATION_FIELDS);
}

function entity(sides: Sides): readonly string[] {
  const rows = compare(sides);
  return rows.map(
    ({ action, why = '-', fields }) => `${action}, ${why}: ${fields.map(({ field }) => field).join(' ')}`,
  );
}

describe('an organization', () => {
  it.each<[string, Sides, readonly string[]]>([
    ['that is equal on both sides is no difference', {}, []],
    ['that LiteLLM lacks is to be added', { actual: undefined }, ['add, -: ']],
    [
      'that changed in the store is to be changed',
      { desired: { ...values, max_budget: 20, models: ['c'] } },
      ['change, -: models max_budget'],
    ],
    ['that changed in LiteLLM differs', { actual: { ...values, max_budget: 5 } }, ['differs, -: max_budget']],
    [
      'that lost a limit in the store keeps it in LiteLLM',
      { desired: { organization_alias: 'One', models: ['b', 'a'] } },
      ['left alone, cannot_be_cleared: max_budget'],
    ],
    [
      'that lost a limit in the store loses it in a version that clears it',
      { desired: { organization_alias: 'One', models: ['b', 'a'] }, version: '1.101.6' },
      ['change, -: max_budget'],
    ],
    [
      'shows what the proxy itself filled in',
      {
        actual: { ...values, tpm_limit: 7 },
        recorded: { written: values, since, defaults: { tpm_limit: 7 } },
      },
      ['left alone, from_proxy_default: tpm_limit'],
    ],
    [
      'that changed on both sides has one row for each side',
      { desired: { ...values, models: ['c'] }, actual: { ...values, organization_alias: 'Two' } },
      ['change, -: models', 'differs, -: organization_alias'],
    ],
    [
      'that was created in LiteLLM is left alone, with the fields that differ',
      { recorded: undefined, actual: { ...values, models: [] } },
      ['left alone, created_in_litellm: models'],
    ],
    ['that was created in LiteLLM with equal values is no difference', { recorded: undefined }, []],
  ])('%s', (_, changes, expected) => {
    expect(entity(changes)).toEqual(expected);
  });

  it('shows the values of both sides', () => {
    const [row] = compare({ actual: { ...values, max_budget: 5 } });
    expect(row?.fields).toEqual([{ field: 'max_budget', stored: 10, inLitellm: 5 }]);
  });

  it('has no differing field if lists only have another order, or are empty instead of absent', () => {
    expect(differingFields(values, { ...values, models: ['b', 'a'] }, ORGANIZATION_FIELDS)).toEqual([]);
    const empty = { organization_alias: 'One', models: [] };
    expect(differingFields(empty, { organization_alias: 'One' }, ORGANIZATION_FIELDS)).toEqual([]);
  });
});

function membership(changes: Partial<MembershipComparison>): string {
  const rows = compareMembership({
    of: 'team',
    id: 'g1',
    userId: 'p1',
    desired: 'user',
    withheld: undefined,
    actual: 'user',
    recorded: undefined,
    ...changes,
  });
  return rows.map(({ action, why }) => (why === undefined ? action : `${action}, ${why}`)).join('; ');
}

const record = (state: 'adding' | 'added' | 'found', role = 'user', wanted?: string) => ({
  recorded: { entityId: 'g1', state, role, ...(wanted === undefined ? {} : { wanted }) },
});

describe('a membership', () => {
  it.each<[string, Partial<MembershipComparison>, string]>([
    ['that is on both sides is no difference', {}, ''],
    ['that is only stored is to be added', { actual: undefined }, 'add'],
    ['that was removed in LiteLLM is to be added again', { actual: undefined, ...record('added') }, 'add'],
    [
      'that this product added and the store lost is to be removed',
      { desired: undefined, ...record('added') },
      'remove',
    ],
    [
      'that this product was about to add is to be removed',
      { desired: undefined, ...record('adding') },
      'remove',
    ],
    [
      'that was found in LiteLLM is left alone',
      { desired: undefined, ...record('found') },
      'left alone, added_in_litellm',
    ],
    ['of which nothing is recorded is left alone', { desired: undefined }, 'left alone, added_in_litellm'],
    [
      'that is only recorded is no difference',
      { desired: undefined, actual: undefined, ...record('added') },
      '',
    ],
    ['whose role changed in the store is to be changed', { desired: 'admin', ...record('added') }, 'change'],
    ['whose role changed in LiteLLM differs', { actual: 'admin', ...record('added') }, 'differs'],
    [
      'that was found with another role is left alone',
      { actual: 'admin', ...record('found', 'admin') },
      'left alone, added_in_litellm',
    ],
    [
      'that was added in LiteLLM with another role is left alone',
      { actual: 'admin' },
      'left alone, added_in_litellm',
    ],
    [
      'with a lesser role, because of a missing licence, is left alone',
      { desired: 'admin', ...record('added', 'user', 'admin') },
      'left alone, role_needs_licence',
    ],
    [
      'that a crash left open with an old role is to be changed',
      { desired: 'admin', ...record('adding') },
      'change',
    ],
    [
      'of an organization without a row is left alone',
      { actual: undefined, withheld: 'row_missing' },
      'left alone, row_missing',
    ],
    [
      'that is to be removed needs no row of the organization',
      { desired: undefined, withheld: 'row_missing', ...record('added') },
      'remove',
    ],
  ])('%s', (_, changes, expected) => {
    expect(membership(changes)).toBe(expected);
  });
});

describe('the subject to sync', () => {
  const row = { what: 'membership', of: 'team', id: 'g1', userId: 'p1', fields: [] } as const;

  it.each(['add', 'change', 'remove'] as const)(
    'is the person if the action on a membership is %s',
    (action) => {
      expect(subjectOf({ ...row, action })).toEqual({ kind: 'user', id: 'p1' });
    },
  );

  it.each(['organization', 'team', 'user'] as const)('is the %s itself', (what) => {
    expect(subjectOf({ action: 'change', what, id: 'x', fields: [] })).toEqual({ kind: what, id: 'x' });
  });

  it('is undefined if a sync changes nothing', () => {
    expect(subjectOf({ ...row, action: 'differs' })).toBeUndefined();
    const added: MembershipDifference = { ...row, action: 'add' };
    const left = leaveAlone(added, 'row_missing');
    expect([subjectOf(left), isWrite(left), left.why]).toEqual([undefined, false, 'row_missing']);
  });
});

describe('IdFingerprints', () => {
  it('counts each of many ids as new only once', () => {
    const seen = new IdFingerprints();
    const ids = Array.from({ length: 100_000 }, (_, index) => `user:person-${index}`);
    expect(ids.filter((id) => seen.add(id))).toHaveLength(100_000);
    expect(ids.filter((id) => seen.add(id))).toHaveLength(0);
  });

  it('forgets some of too many ids, but never counts a new one as seen', () => {
    const seen = new IdFingerprints(64);
    const ids = Array.from({ length: 1_000 }, (_, index) => `user:person-${index}`);
    expect(ids.filter((id) => seen.add(id))).toHaveLength(1_000);
    expect(ids.filter((id) => seen.add(id)).length).toBeGreaterThan(0);
  });
});
