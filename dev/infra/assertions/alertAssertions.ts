import { deepEqual, equal } from 'node:assert/strict';
import { PROVISION_POISON_QUEUE, SYNC_POISON_QUEUE } from '../../../shared/queue/queueNames.ts';
import { readEmittedEvents } from '../emittedEvents.ts';
import { namesOf, selectRows } from '../kql.ts';
import type { Query } from '../kql.ts';
import type { Deployment, Resource } from '../resolveDeployment.ts';
import { alertSamples, expectedSamples, HOST_MOVED } from './alertSamples.ts';
import type { Assertion } from './assertion.ts';
import { requireQuery } from './requireQuery.ts';
import { traceColumns } from './traceColumns.ts';
import { lastName, onlyResource, propertyOf, resourcesOf, textOf, types } from './assertion.ts';

/** What an alert may ask of the line itself: that it is JSON, or the host's text, which ends with the name of the queue. */
const askedOfMessages: ReadonlySet<string> = new Set([
  '{',
  HOST_MOVED,
  ...[PROVISION_POISON_QUEUE, SYNC_POISON_QUEUE].map((queue) => `'${queue}'.`),
]);

const emitted = readEmittedEvents();

function queryOf(alert: Resource): Query {
  return requireQuery(textOf(propertyOf(alert, 'criteria', 'allOf', 0, 'query')));
}

/** `alert-poison-<hash>` → `poison`. */
function kindOf(alert: Resource): string {
  return /^alert-([A-Za-z]+)-[a-z0-9]{13}$/.exec(lastName(alert))?.[1] ?? lastName(alert);
}

function alertsOf(deployment: Deployment): ReadonlyMap<string, Resource> {
  return new Map(resourcesOf(deployment, types.alert).map((alert) => [kindOf(alert), alert]));
}

export const alertAssertions: readonly Assertion[] = [
  {
    name: 'there is an alert for poison, pushes given up, failed provisioning, failing sign-ins and what an operator must decide',
    check: (deployment) => {
      deepEqual([...alertsOf(deployment).keys()].sort(), [...expectedSamples.keys()].sort());
    },
  },
  {
    name: 'alerts are on, look at the workspace every 5 minutes over 15, and end by themselves',
    check: (deployment) => {
      const workspace = onlyResource(deployment, types.workspace);
      for (const alert of alertsOf(deployment).values()) {
        equal(alert.body['kind'], 'LogAlert');
        equal(propertyOf(alert, 'enabled'), true);
        deepEqual(propertyOf(alert, 'scopes'), [workspace.id]);
        equal(propertyOf(alert, 'evaluationFrequency'), 'PT5M');
        equal(propertyOf(alert, 'windowSize'), 'PT15M');
        equal(propertyOf(alert, 'autoMitigate'), true);
        // A new workspace does not know its tables yet.
        equal(propertyOf(alert, 'skipQueryValidation'), true);
      }
    },
  },
  {
    name: 'alert queries name only tables, columns, events and members that the code writes, and one text of the host',
    check: (deployment) => {
      for (const [kind, alert] of alertsOf(deployment)) {
        const names = namesOf(queryOf(alert));
        equal(names.table, 'AppTraces', kind);
        deepEqual(
          [...names.columns].filter((column) => !traceColumns.has(column)),
          [],
          kind,
        );
        deepEqual(
          [...(names.comparedWith.get('Message') ?? [])].filter((text) => !askedOfMessages.has(text)),
          [],
          kind,
        );
        const events = [...(names.comparedWith.get('event') ?? [])];
        deepEqual(
          events.filter((event) => !emitted.has(event)),
          [],
          kind,
        );
        equal(events.length > 0, true, `${kind} names no event`);
        const members = new Set(events.flatMap((event) => [...(emitted.get(event) ?? [])]));
        deepEqual(
          [...names.fields].filter((field) => !members.has(field)),
          [],
          kind,
        );
      }
    },
  },
  {
    name: 'each alert counts the events that it is about and no other',
    check: (deployment) => {
      const rows = [...alertSamples].map(([name, Message]) => ({ name, Message }));
      for (const [kind, alert] of alertsOf(deployment)) {
        const selected = selectRows(queryOf(alert), rows).map((row) => row.name);
        deepEqual(selected.sort(), [...(expectedSamples.get(kind) ?? [])].sort(), kind);
      }
    },
  },
  {
    name: 'one event is enough for an alert, except that so many sign-ins may fail',
    check: (deployment, meant) => {
      for (const [kind, alert] of alertsOf(deployment)) {
        equal(propertyOf(alert, 'criteria', 'allOf', 1), undefined, kind);
        equal(propertyOf(alert, 'criteria', 'allOf', 0, 'timeAggregation'), 'Count', kind);
        equal(propertyOf(alert, 'criteria', 'allOf', 0, 'operator'), 'GreaterThan', kind);
        const threshold = kind === 'signIn' ? meant.signInFailureThreshold : 0;
        equal(propertyOf(alert, 'criteria', 'allOf', 0, 'threshold'), threshold, kind);
        deepEqual(
          propertyOf(alert, 'criteria', 'allOf', 0, 'failingPeriods'),
          { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 },
          kind,
        );
      }
    },
  },
  {
    name: 'what nobody mends alone is an error, the rest a warning, and each says what to do',
    check: (deployment) => {
      for (const [kind, alert] of alertsOf(deployment)) {
        const isError = ['poison', 'sync', 'operator'].includes(kind);
        equal(propertyOf(alert, 'severity'), isError ? 1 : 2, kind);
        equal(textOf(propertyOf(alert, 'displayName')).length > 10, true, kind);
        equal(textOf(propertyOf(alert, 'description')).length > 40, true, kind);
      }
    },
  },
  {
    name: 'alerts go to whom was named, or to nobody',
    check: (deployment, meant) => {
      const groups = resourcesOf(deployment, types.actionGroup);
      const expected = meant.alertEmail === undefined ? [] : [onlyResource(deployment, types.actionGroup).id];
      deepEqual(
        groups.map((group) => group.id),
        expected,
      );
      for (const alert of alertsOf(deployment).values()) {
        deepEqual(propertyOf(alert, 'actions', 'actionGroups'), expected);
      }
      for (const group of groups) {
        equal(propertyOf(group, 'enabled'), true);
        deepEqual(propertyOf(group, 'emailReceivers'), [
          { name: 'operator', emailAddress: meant.alertEmail, useCommonAlertSchema: true },
        ]);
        // Azure refuses a longer one.
        equal(/^.{1,12}$/.test(textOf(propertyOf(group, 'groupShortName'))), true);
      }
    },
  },
  {
    name: 'telemetry needs a role to be sent, goes to the workspace and is kept as long as chosen',
    check: (deployment, meant) => {
      const workspace = onlyResource(deployment, types.workspace);
      const component = onlyResource(deployment, types.component);
      equal(propertyOf(component, 'DisableLocalAuth'), true);
      equal(propertyOf(component, 'WorkspaceResourceId'), workspace.id);
      equal(propertyOf(component, 'IngestionMode'), 'LogAnalytics');
      equal(propertyOf(component, 'Application_Type'), 'web');
      equal(component.body['kind'], 'web');
      equal(propertyOf(workspace, 'features', 'disableLocalAuth'), true);
      equal(propertyOf(workspace, 'features', 'enableLogAccessUsingOnlyResourcePermissions'), true);
      equal(propertyOf(workspace, 'retentionInDays'), meant.logRetentionDays);
      deepEqual(propertyOf(workspace, 'sku'), { name: 'PerGB2018' });
    },
  },
];
