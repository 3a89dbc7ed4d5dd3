import { deepEqual, equal } from 'node:assert/strict';
import { z } from 'zod';
import { readEmittedEvents } from '../emittedEvents.ts';
import { namesOf, selectRows } from '../kql.ts';
import type { Deployment } from '../resolveDeployment.ts';
import { readShownNames, splitQuery } from '../shownNames.ts';
import { alertSamples } from './alertSamples.ts';
import type { Assertion } from './assertion.ts';
import { onlyResource, propertyOf, textOf, types } from './assertion.ts';
import { readWorkbook } from './readWorkbook.ts';
import type { Workbook } from './readWorkbook.ts';
import { requireQuery } from './requireQuery.ts';
import { traceColumns } from './traceColumns.ts';

/** What a chart draws, said another way than its query says it. */
interface MeantChart {
  readonly visualization: string;
  /** Absent: all. */
  readonly events?: readonly string[];
  /** Absent: all, and those without one. */
  readonly statuses?: readonly string[];
  readonly onlyFailures?: true;
}

/** By title, from top to bottom. */
const meantCharts: ReadonlyMap<string, MeantChart> = new Map([
  ['Sign-ins by outcome', { visualization: 'barchart', events: ['signin.complete'] }],
  ['Provisioning by outcome', { visualization: 'barchart', events: ['provision.user'] }],
  [
    'Seconds from sign-in to provisioned (median and 95th percentile)',
    { visualization: 'timechart', events: ['provision.user'], statuses: ['done', 'unchanged'] },
  ],
  ['Memberships granted, changed and removed', { visualization: 'timechart', events: ['provision.user'] }],
  ['Pushes to LiteLLM by outcome', { visualization: 'barchart', events: ['sync.person', 'sync.entity'] }],
  ['Failures by event and code', { visualization: 'table', onlyFailures: true }],
  [
    'Poison: messages that no attempt could provision or push',
    { visualization: 'table', events: ['provision.failure', 'sync.failure'] },
  ],
]);

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** The portal's own format: https://github.com/microsoft/Application-Insights-Workbooks, `KqlParameterItem`. */
const meantTimeRange = {
  type: 9,
  name: 'time range',
  content: {
    version: 'KqlParameterItem/1.0',
    parameters: [
      {
        version: 'KqlParameterItem/1.0',
        name: 'timeRange',
        label: 'Time range',
        type: 4,
        isRequired: true,
        value: { durationMs: 7 * DAY_MS },
        typeSettings: {
          selectableValues: [HOUR_MS, DAY_MS, 7 * DAY_MS, 30 * DAY_MS, 90 * DAY_MS].map((durationMs) => ({
            durationMs,
          })),
          allowCustom: true,
        },
      },
    ],
  },
};

const emitted = readEmittedEvents();

/** All of it may be missing: JSON that is no event is a line too. */
const eventSchema = z.object({
  event: z.string().default(''),
  status: z.string().default(''),
  code: z.string().default(''),
});
const samples = [...alertSamples].map(([name, Message]) => ({ name, Message }));

function isDrawn(meant: MeantChart, line: string): boolean {
  if (!line.startsWith('{')) return false;
  const { event, status, code } = eventSchema.parse(JSON.parse(line));
  if (meant.events?.includes(event) === false) return false;
  if (meant.statuses?.includes(status) === false) return false;
  return meant.onlyFailures !== true || code !== '';
}

function workbookOf(deployment: Deployment): Workbook {
  return readWorkbook(textOf(propertyOf(onlyResource(deployment, types.workbook), 'serializedData')));
}

/** What a query names that nobody writes. */
function unknownNamesOf(text: string): readonly string[] {
  const { selecting, showing } = splitQuery(text);
  const query = requireQuery(selecting);
  const { table, columns, fields, comparedWith } = namesOf(query);
  const shown = readShownNames(showing);
  const computed = new Set(
    query.steps.flatMap((step) => (step.kind === 'extend' ? step.columns.map(({ name }) => name) : [])),
  );
  const events = [...(comparedWith.get('event') ?? [])];
  const members = new Set(
    (events.length === 0 ? [...emitted.keys()] : events).flatMap((event) => [...(emitted.get(event) ?? [])]),
  );
  return [
    ...[table].filter((name) => name !== 'AppTraces'),
    ...[...columns].filter((column) => !traceColumns.has(column)),
    ...[...shown.columns].filter((column) => !traceColumns.has(column) && !computed.has(column)),
    ...[...shown.parameters].filter((parameter) => parameter !== 'timeRange'),
    ...events.filter((event) => !emitted.has(event)),
    ...[...fields, ...shown.fields].filter((member) => !members.has(member)),
  ];
}

export const workbookAssertions: readonly Assertion[] = [
  {
    name: 'the workbook is for everybody, beside the workspace that it reads',
    check: (deployment) => {
      const resource = onlyResource(deployment, types.workbook);
      const workspace = onlyResource(deployment, types.workspace);
      equal(resource.body['kind'], 'shared');
      equal(propertyOf(resource, 'category'), 'workbook');
      equal(propertyOf(resource, 'version'), '1.0');
      equal(propertyOf(resource, 'sourceId'), workspace.id);
      const workbook = workbookOf(deployment);
      equal(workbook.version, 'Notebook/1.0');
      deepEqual(workbook.fallbackResourceIds, [workspace.id]);
    },
  },
  {
    name: 'the workbook lets choose the last hour, day, week, month, quarter or any other time, and begins with a week',
    check: (deployment) => deepEqual(workbookOf(deployment).timeRange, meantTimeRange),
  },
  {
    name: 'the workbook has its charts in their order, each over the workspace and the time that was chosen',
    check: (deployment) => {
      const { charts } = workbookOf(deployment);
      deepEqual(
        charts.map(({ content: { title, visualization } }) => [title, visualization]),
        [...meantCharts].map(([title, { visualization }]) => [title, visualization]),
      );
      for (const { type, name, content } of charts) {
        const { title } = content;
        equal(type, 3, title);
        equal(name, title);
        deepEqual(
          content,
          {
            // What it draws is the matter of the others; what stands where nothing is drawn is for people.
            title,
            query: content.query,
            visualization: content.visualization,
            noDataMessage: content.noDataMessage,
            version: 'KqlItem/1.0',
            queryType: 0,
            resourceType: 'microsoft.operationalinsights/workspaces',
            size: 0,
            timeContextFromParameter: 'timeRange',
          },
          title,
        );
      }
    },
  },
  {
    name: 'the queries of the workbook name only tables, columns, events, members and parameters that there are',
    check: (deployment) => {
      for (const { content } of workbookOf(deployment).charts) {
        deepEqual(unknownNamesOf(content.query), [], content.title);
      }
    },
  },
  {
    name: 'each chart of the workbook draws the events that it is about and no other',
    check: (deployment) => {
      for (const {
        content: { title, query },
      } of workbookOf(deployment).charts) {
        const meant = meantCharts.get(title);
        const selected = selectRows(requireQuery(splitQuery(query).selecting), samples);
        const expected = samples.filter(({ Message }) => meant !== undefined && isDrawn(meant, Message));
        deepEqual(
          selected.map(({ name }) => name),
          expected.map(({ name }) => name),
          title,
        );
        equal(selected.length > 0, true, title);
      }
    },
  },
];
