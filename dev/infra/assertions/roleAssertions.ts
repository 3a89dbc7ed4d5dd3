import { deepEqual, equal } from 'node:assert/strict';
import { guidOf, identity, place } from '../standIns.ts';
import type { Assertion } from './assertion.ts';
import { onlyResource, propertyOf, resourcesOf, textOf, types } from './assertion.ts';

/** What the identity may do, and on what: the whole list. */
const rolesByScope = [
  { role: 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b', scope: types.storageAccount }, // Storage Blob Data Owner
  { role: '974c5e8b-45b9-4653-ba55-5f855dd0fb88', scope: types.storageAccount }, // Storage Queue Data Contributor
  { role: '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3', scope: types.storageAccount }, // Storage Table Data Contributor
  { role: '3913510d-42f4-4e42-8a64-420c390055eb', scope: types.component }, // Monitoring Metrics Publisher
] as const;

const extension = `/providers/${types.roleAssignment}/`;
const roleDefinitions = `/subscriptions/${place.subscriptionId}/providers/Microsoft.Authorization/roleDefinitions/`;

export const roleAssertions: readonly Assertion[] = [
  {
    name: 'the identity has exactly the four roles, each on the one resource that it is for, unless somebody else assigns them',
    check: (deployment, meant) => {
      const byTemplate = meant.rolesAreAssigned ? rolesByScope : [];
      const expected = byTemplate.map(({ role, scope }) => {
        const { id } = onlyResource(deployment, scope);
        return `${roleDefinitions}${role} of ${identity.principalId} on ${id}`;
      });
      const assigned = resourcesOf(deployment, types.roleAssignment).map((assignment) => {
        const [scope] = assignment.id.split(extension);
        const role = textOf(propertyOf(assignment, 'roleDefinitionId'));
        return `${role} of ${textOf(propertyOf(assignment, 'principalId'))} on ${scope ?? ''}`;
      });
      deepEqual(assigned.sort(), expected.sort());
    },
  },
  {
    name: 'a role assignment is named after scope, principal and role, so that a rerun finds it and a new identity gets its own',
    check: (deployment) => {
      for (const assignment of resourcesOf(deployment, types.roleAssignment)) {
        const [scope = ''] = assignment.id.split(extension);
        const role = textOf(propertyOf(assignment, 'roleDefinitionId')).split('/').at(-1) ?? '';
        equal(assignment.name, guidOf([scope, identity.principalId, role]));
      }
    },
  },
  {
    name: 'Azure is told that the principal is a service principal, so that it does not look a new one up',
    check: (deployment) => {
      for (const assignment of resourcesOf(deployment, types.roleAssignment)) {
        equal(propertyOf(assignment, 'principalType'), 'ServicePrincipal');
      }
    },
  },
  {
    name: 'everything starts after what it needs, the site after its roles, its application and its network',
    check: (deployment) => {
      const { startsAfter } = deployment;
      for (const needed of ['identity', 'storage', 'monitoring', 'roles', 'entra', 'network']) {
        equal(startsAfter['functionApp']?.includes(needed), true, needed);
      }
      equal(startsAfter['workbook']?.includes('monitoring'), true);
      for (const needed of ['identity', 'storage', 'monitoring']) {
        equal(startsAfter['roles']?.includes(needed), true, needed);
      }
    },
  },
];
