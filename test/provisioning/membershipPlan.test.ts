import type { ActualMembership } from '../../shared/storage/membershipStore.ts';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type OrganizationRole, ORGANIZATION_ROLES } from '../../shared/model/entities.ts';
import {
  type MembershipPlan,
  type PlanInput,
  isEmptyPlan,
  planMemberships,
  withoutEntities,
} from '../../shared/provisioning/membershipPlan.ts';

type Row = ActualMembership<OrganizationRole>;
type Input = PlanInput<OrganizationRole>;
type Plan = MembershipPlan<OrganizationRole>;

const NOTHING: Plan = { removals: [], roleChanges: [], grants: [] };

function row(entityId: string, changes: Partial<Row> = {}): Row {
  const role = changes.role ?? 'internal_user';
  return {
    entityId,
    etag: `W/"${entityId}"`,
    role,
    roleWritten: role,
    grantSource: 'entra',
    indexEtag: `W/"index of ${entityId}"`,
    ...changes,
  };
}

function input(changes: Partial<Input>): Input {
  return {
    desired: new Map(),
    held: new Set(changes.desired?.keys()),
    actual: [],
    unreadable: [],
    mode: 'full',
    entraRole: 'internal_user',
    ranking: ORGANIZATION_ROLES,
    ...changes,
  };
}

const USER = 'internal_user' as const;
const ADMIN = 'org_admin' as const;

describe('planMemberships', () => {
  it.each<{ rule: string; input: Partial<Input>; plan: Partial<Plan> }>([
    {
      rule: 'grants what is missing',
      input: { desired: new Map([['a', USER]]) },
      plan: { grants: [{ entityId: 'a', role: USER }] },
    },
    {
      rule: 'does nothing for what is there',
      input: { desired: new Map([['a', USER]]), actual: [row('a')] },
      plan: {},
    },
    {
      rule: 'removes what Entra granted once the group is gone',
      input: { actual: [row('a')] },
      plan: { removals: [{ entityId: 'a', role: USER, indexEtag: 'W/"index of a"' }] },
    },
    { rule: 'never removes with additive', input: { actual: [row('a')], mode: 'additive' }, plan: {} },
    {
      rule: 'never removes what a person granted',
      input: { actual: [row('a', { grantSource: 'manual' })] },
      plan: {},
    },
    {
      rule: 'never removes what nobody says who granted',
      input: { actual: [row('a', { grantSource: undefined })] },
      plan: {},
    },
    { rule: 'does not remove what is held', input: { actual: [row('a')], held: new Set(['a']) }, plan: {} },
    {
      rule: 'raises a role',
      input: { desired: new Map([['a', ADMIN]]), actual: [row('a')] },
      plan: { roleChanges: [{ entityId: 'a', role: ADMIN, from: USER, etag: 'W/"a"' }] },
    },
    {
      rule: 'lowers a role',
      input: { desired: new Map([['a', USER]]), actual: [row('a', { role: ADMIN })] },
      plan: { roleChanges: [{ entityId: 'a', role: USER, from: ADMIN, etag: 'W/"a"' }] },
    },
    {
      rule: 'leaves a role that a person edited',
      input: { desired: new Map([['a', USER]]), actual: [row('a', { role: ADMIN, roleWritten: USER })] },
      plan: {},
    },
    {
      rule: 'leaves a role that the system never wrote',
      input: { desired: new Map([['a', USER]]), actual: [row('a', { role: ADMIN, roleWritten: undefined })] },
      plan: {},
    },
    {
      rule: 'leaves the role of what a person granted',
      input: { desired: new Map([['a', USER]]), actual: [row('a', { role: ADMIN, grantSource: 'manual' })] },
      plan: {},
    },
    {
      rule: 'removes also a membership whose role a person edited',
      input: { actual: [row('a', { role: ADMIN, roleWritten: USER })] },
      plan: { removals: [{ entityId: 'a', role: ADMIN, indexEtag: 'W/"index of a"' }] },
    },
    {
      rule: 'lowers what is held without being desired: what Entra gave, Entra takes',
      input: { held: new Set(['a']), actual: [row('a', { role: ADMIN })] },
      plan: { roleChanges: [{ entityId: 'a', role: USER, from: ADMIN, etag: 'W/"a"' }] },
    },
    {
      rule: 'does not raise what is held without being desired',
      input: { held: new Set(['a']), actual: [row('a')], entraRole: ADMIN },
      plan: {},
    },
    {
      rule: 'lowers what additive keeps',
      input: { mode: 'additive', actual: [row('a', { role: ADMIN })] },
      plan: { roleChanges: [{ entityId: 'a', role: USER, from: ADMIN, etag: 'W/"a"' }] },
    },
    {
      rule: 'neither grants again nor removes an unreadable row',
      input: { desired: new Map([['a', USER]]), unreadable: ['a', 'b'] },
      plan: {},
    },
    {
      rule: 'orders everything by entity id',
      input: {
        desired: new Map([
          ['d', USER],
          ['c', USER],
          ['f', ADMIN],
          ['e', ADMIN],
        ]),
        actual: [row('f'), row('e'), row('b'), row('a')],
      },
      plan: {
        removals: [row('a'), row('b')].map(({ entityId, role, indexEtag }) => ({
          entityId,
          role,
          indexEtag: indexEtag,
        })),
        roleChanges: ['e', 'f'].map((entityId) => ({
          entityId,
          role: ADMIN,
          from: USER,
          etag: `W/"${entityId}"`,
        })),
        grants: [
          { entityId: 'c', role: USER },
          { entityId: 'd', role: USER },
        ],
      },
    },
  ])('$rule', ({ input: changes, plan }) => {
    expect(planMemberships(input(changes))).toStrictEqual({ ...NOTHING, ...plan });
  });
});

describe('withoutEntities', () => {
  it('drops removals and changes of the named entities and keeps every grant', () => {
    const plan = planMemberships(
      input({
        desired: new Map([
          ['a', USER],
          ['b', USER],
          ['g', USER],
        ]),
        actual: [row('a', { role: ADMIN }), row('b', { role: ADMIN }), row('c'), row('d')],
      }),
    );
    const rest = withoutEntities(plan, new Set(['a', 'c', 'g']));
    expect(rest.roleChanges.map((entry) => entry.entityId)).toStrictEqual(['b']);
    expect(rest.removals.map((entry) => entry.entityId)).toStrictEqual(['d']);
    expect(rest.grants).toStrictEqual(plan.grants);
    expect([isEmptyPlan(plan), isEmptyPlan(NOTHING)]).toStrictEqual([false, true]);
  });
});

const ids = ['a', 'b', 'c', 'd', 'e', 'f'];
const role = fc.constantFrom(...ORGANIZATION_ROLES);

const anyRow = fc.record({
  entityId: fc.constantFrom(...ids),
  etag: fc.constantFrom('W/"1"', 'W/"2"'),
  role,
  roleWritten: fc.option(role, { nil: undefined }),
  grantSource: fc.constantFrom('entra' as const, 'entra' as const, 'manual' as const, undefined),
  indexEtag: fc.option(fc.constant('W/"i"'), { nil: undefined }),
});

/** A partition: no entity twice, and no entity both readable and unreadable. */
const anyInput: fc.Arbitrary<Input> = fc
  .record({
    desired: fc.uniqueArray(fc.tuple(fc.constantFrom(...ids), role), { selector: ([id]) => id }),
    alsoHeld: fc.subarray(ids),
    rows: fc.uniqueArray(anyRow, { selector: ({ entityId }) => entityId }),
    unreadable: fc.subarray(ids),
    mode: fc.constantFrom('full' as const, 'additive' as const),
    entraRole: role,
  })
  .map(({ desired, alsoHeld, rows, unreadable, mode, entraRole }) => ({
    desired: new Map(desired),
    held: new Set([...alsoHeld, ...desired.map(([id]) => id)]),
    actual: rows.filter(({ entityId }) => !unreadable.includes(entityId)),
    unreadable,
    mode,
    entraRole,
    ranking: ORGANIZATION_ROLES,
  }));

/** What the store holds once the plan is applied. */
function applied(plan: Plan, actual: readonly Row[]): readonly Row[] {
  const removed = new Set(plan.removals.map((entry) => entry.entityId));
  const changed = new Map(plan.roleChanges.map((entry) => [entry.entityId, entry.role]));
  return [
    ...actual
      .filter(({ entityId }) => !removed.has(entityId))
      .map((one) => {
        const to = changed.get(one.entityId);
        return to === undefined ? one : { ...one, role: to, roleWritten: to };
      }),
    ...plan.grants.map((grant) => row(grant.entityId, { role: grant.role })),
  ];
}

describe('a plan for any desired and any actual memberships', () => {
  const check = (property: (given: Input, plan: Plan) => void): void => {
    fc.assert(
      fc.property(anyInput, (given) => property(given, planMemberships(given))),
      { numRuns: 500 },
    );
  };

  it('is idempotent: once it is applied there is nothing left to do', () => {
    check((given, plan) => {
      expect(planMemberships({ ...given, actual: applied(plan, given.actual) })).toStrictEqual(NOTHING);
    });
  });

  it('does not depend on the order of anything', () => {
    check((given, plan) => {
      const turned = {
        ...given,
        desired: new Map([...given.desired].toReversed()),
        held: new Set([...given.held].toReversed()),
        actual: given.actual.toReversed(),
        unreadable: given.unreadable.toReversed(),
      };
      expect(planMemberships(turned)).toStrictEqual(plan);
    });
  });

  it('never touches a membership that a person granted, or that has no source', () => {
    check((given, plan) => {
      const theirs = new Set(
        given.actual.filter((one) => one.grantSource !== 'entra').map((one) => one.entityId),
      );
      const touched = [...plan.removals, ...plan.roleChanges, ...plan.grants].map((entry) => entry.entityId);
      expect(touched.filter((id) => theirs.has(id))).toStrictEqual([]);
    });
  });

  it('never removes anything with additive', () => {
    check((given) => {
      expect(planMemberships({ ...given, mode: 'additive' }).removals).toStrictEqual([]);
    });
  });

  it('never removes what the person has or may have', () => {
    check((given, plan) => {
      expect(plan.removals.filter((entry) => given.held.has(entry.entityId))).toStrictEqual([]);
    });
  });

  it('never touches an unreadable row', () => {
    check((given, plan) => {
      const touched = [...plan.removals, ...plan.roleChanges, ...plan.grants];
      expect(touched.filter((entry) => given.unreadable.includes(entry.entityId))).toStrictEqual([]);
    });
  });

  it('ends with everything that is desired, in its role unless a person decided otherwise', () => {
    check((given, plan) => {
      const after = new Map(applied(plan, given.actual).map((one) => [one.entityId, one]));
      for (const [id, wanted] of given.desired) {
        if (given.unreadable.includes(id)) continue;
        const before = given.actual.find((one) => one.entityId === id);
        const isTheirs =
          before !== undefined && (before.grantSource !== 'entra' || before.role !== before.roleWritten);
        expect(after.get(id)?.role).toBe(isTheirs ? before.role : wanted);
      }
    });
  });

  it('raises no role in what is not desired', () => {
    check((given, plan) => {
      const raised = plan.roleChanges.filter(
        (change) =>
          !given.desired.has(change.entityId) &&
          ORGANIZATION_ROLES.indexOf(change.role) < ORGANIZATION_ROLES.indexOf(change.from),
      );
      expect(raised).toStrictEqual([]);
    });
  });
});
