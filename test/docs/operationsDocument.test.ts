/** What `docs/operations.md` names, against the template, the code and one real run of the local stack under a collector. */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { QueueClient } from '@azure/storage-queue';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { alertSamples } from '../../dev/infra/assertions/alertSamples.ts';
import { readEmittedEvents } from '../../dev/infra/emittedEvents.ts';
import { namesOf, parseQuery, type Row, selectRows } from '../../dev/infra/kql.ts';
import { samplePeople, sampleGroups } from '../../dev/identity/sampleDirectory.ts';
import { REQUESTS } from '../../shared/litellm/client/requests.ts';
import { TABLES } from '../../shared/storage/tables/tableNames.ts';
import { MAX_TRANSACTION_WRITES } from '../../shared/storage/tables/tableLimits.ts';
import { HEALTH_MAX_AGE_MS } from '../../shared/app.ts';
import { parseConfig } from '../../shared/config/config.ts';
import { settings } from '../../shared/config/settings.ts';
import { BRAKE_MINIMUM_GROUPS } from '../../shared/model/assignedGroups.ts';
import { REPORT_LIMIT } from '../../shared/model/userRecord.ts';
import { type ErrorCode } from '../../shared/model/errors.ts';
import { KNOWLEDGE_MAX_AGE_MS } from '../../shared/groups/groupKnowledge.ts';
import { UNKNOWN_GROUP_TRIES } from '../../shared/provisioning/provisionUser.ts';
import { FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS, WAITING_LIMIT_MS } from '../../shared/queue/putBack.ts';
import { KEEP_AGAIN_AFTER_SECONDS } from '../../shared/queue/recordFailure.ts';
import { LEASE_MS, LEASE_WAIT_MS } from '../../shared/litellm/syncLease.ts';
import {
  MAX_DELIVERIES,
  MAX_INLINE_BYTES,
  type ProvisionMessage,
  serializeProvisionMessage,
} from '../../shared/queue/provisionMessage.ts';
import { errorStatus } from '../../shared/web/errorStatus.ts';
import { errorTexts } from '../../shared/web/pages/errorTexts.ts';
import { ATTEMPT_LIFETIME_SECONDS, SESSION_LIFETIME_SECONDS } from '../../shared/session/session.ts';
import { errorFields, writeEvent } from '../../shared/telemetry/events.ts';
import { METRICS } from '../../shared/telemetry/metrics.ts';
import { type SyncMessage, serializeSyncMessage } from '../../shared/queue/syncMessage.ts';
import { type E2eStack, startE2eStack, waitForLog } from '../support/e2eStack.ts';
import { signInUntilDone, Visitor } from '../support/e2eVisitor.ts';
import { waitUntil } from '../support/e2eWait.ts';
import { type OtlpReceiver, type ReceivedSpan, startOtlpReceiver } from '../telemetry/otlpReceiver.ts';
import { renderTree } from '../telemetry/spanTree.ts';

const repositoryDir = resolve(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(join(repositoryDir, file), 'utf8');
const page = read('docs/operations.md');

const namesIn = (text: string, pattern: RegExp): readonly string[] =>
  [...text.matchAll(pattern)].map((found) => found[1] ?? '');

/** The text of each code block of this language. */
const blocksOf = (language: string): readonly string[] =>
  namesIn(page, new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'));

/** The cells of the rows of the table whose first column has this heading. */
function rowsOf(column: string): readonly (readonly string[])[] {
  const lines = page.split('\n');
  return lines.flatMap((line, at) => {
    if (!line.startsWith(`| ${column} |`)) return [];
    const rows = lines.slice(at + 2);
    const end = rows.findIndex((row) => !row.startsWith('|'));
    return rows.slice(0, end < 0 ? undefined : end).map((row) =>
      row
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  });
}

const sourceFiles = ['functions', 'shared'].flatMap((folder) =>
  readdirSync(join(repositoryDir, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join(folder, file)),
);
/** All source of the product, to look words up in. */
const source = sourceFiles.map(read).join('\n');
/** The same without what only lists codes and says how they look. */
const sourceOfFailures = sourceFiles
  .filter((file) => file !== join('shared', 'errors.ts') && !file.startsWith(join('shared', 'pages')))
  .map(read)
  .join('\n');

// ---------------------------------------------------------------------------------------------------------------
// One run in which everything happens that the queries ask about.

let receiver: OtlpReceiver;
let stack: E2eStack;
/** Trace ids of a first sign-in and of a repeated one. */
let traces: { readonly first: string; readonly repeated: string };
let health: unknown;
/** What the host wrote until then. */
let logs: readonly string[];
let reference: string;
/** Of a message that no delivery could provision. */
const given = { observation: randomUUID(), trace: randomUUID().replaceAll('-', '') };
const { alice, bob, guest } = samplePeople;

/** Groups of the person with very many that stay assigned: enough for the brake, few enough to push all of them. */
const keptCount = 12;
/** More than a fifth of them, so that the brake holds. */
const lostCount = 5;

beforeAll(async () => {
  receiver = await startOtlpReceiver();
  stack = await startE2eStack({
    runTimers: false,
    litellmProfile: 'newer',
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      AzureFunctionsJobHost__extensions__queues__visibilityTimeout: '00:00:00',
    },
  });
  await unassignMany((groups) => groups.slice(keptCount));
  await stack.runAssignedGroups();
  await waitForSyncs();
  traces = { first: await signInAlice(), repeated: await signInAlice() };
  await Promise.all([breakSignIns(), breakMessage()]);
  await waitForSyncs();
  await runRepair();
  await breakPushes();
  await holdListBack();
  const answer = await fetch(`${stack.url}/api/health/detail`, {
    headers: { 'x-functions-key': stack.functionKey },
  });
  health = await answer.json();
  await waitForTheDirectory();
  // Before the message that waits comes back, after 15 seconds.
  logs = [...stack.host.logs()];
  // Spans leave in the order in which they end, once a second.
  await waitForSpan((span) => span.name === 'healthDetail');
});
afterAll(async () => {
  await stack?.close();
  await receiver?.close();
});

async function waitForSpan(matches: (span: ReceivedSpan) => boolean): Promise<ReceivedSpan> {
  return waitUntil(
    () => receiver.spans().find(matches),
    () => renderTree(receiver.spans()),
  );
}

const traceOf = (traceId: string): readonly ReceivedSpan[] =>
  receiver.spans().filter((span) => span.traceId === traceId);

/** Until LiteLLM was told of all that it has to be told. */
async function waitForSyncs(): Promise<void> {
  const queue = new QueueClient(stack.storageConnectionString, 'litellm-sync');
  await waitUntil(
    async () => ((await queue.getProperties()).approximateMessagesCount === 0 ? true : undefined),
    () => stack.host.logs().slice(-3).join('\n'),
    60_000,
  );
}

/** Gives the trace id. */
async function signInAlice(): Promise<string> {
  const from = stack.host.logs().length;
  await signInUntilDone(stack.url, 'alice@company.com');
  await waitForSyncs();
  const line = await waitForLog(stack, (each) => each.includes('"event":"provision.user"'), from);
  return /"traceId":"(\w+)"/.exec(line)?.[1] ?? '';
}

/** Graph throttles once, and Entra then refuses the credential. */
async function breakSignIns(): Promise<void> {
  await stack.control.setFaults({
    overageFor: ['bob@company.com'],
    graph: { status: 429, retryAfterSeconds: 0, times: 1 },
  });
  await signInUntilDone(stack.url, 'bob@company.com');
  await stack.control.setFaults({
    token: { status: 401, error: 'invalid_client', errorDescription: 'AADSTS700213: No match.' },
  });
  const { body } = await new Visitor(stack.url).signIn('bob@company.com');
  reference = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/.exec(body)?.[0] ?? '';
  await stack.control.clearFaults();
}

/** A message whose parked list is gone ends in the poison queue. */
async function breakMessage(): Promise<void> {
  const message: ProvisionMessage = {
    version: 1,
    id: given.observation,
    observed_at: new Date(Date.now() - 60_000).toISOString(),
    person: { user_id: guest, tenant_id: stack.tenantId, app_roles: [] },
    groups_source: 'claim',
    parked: { snapshot_id: given.observation, count: 1 },
    traceparent: `00-${given.trace}-b7ad6b7169203331-01`,
  };
  const queue = new QueueClient(stack.storageConnectionString, 'provision');
  await queue.sendMessage(Buffer.from(serializeProvisionMessage(message)).toString('base64'));
  await waitForLog(stack, (line) => line.includes('"event":"provision.failure"'));
}

/** The daily comparison with the LiteLLM proxy. */
async function runRepair(): Promise<void> {
  const from = stack.host.logs().length;
  await fetch(`${stack.url}/admin/functions/repairLitellm`, { method: 'POST' });
  await waitForLog(stack, (line) => line.includes('"event":"sync.repair"'), from);
}

/** An admin edits by hand, LiteLLM refuses one member and then the key. */
async function breakPushes(): Promise<void> {
  const { control } = stack.litellm ?? {};
  if (control === undefined) throw new Error('There is no LiteLLM emulator.');
  const { production } = sampleGroups;
  await control.changeBudget({ teamId: production, maxBudget: 7 });
  await control.removeTeamMember({ teamId: production, userId: bob });
  await control.setFaults({ calls: [{ path: '/team/member_add', status: 403 }] });
  await enqueueSync({ kind: 'team', id: production });
  await enqueueSync({ kind: 'user', id: bob });
  await waitForLog(stack, (line) => line.includes('"event":"sync.failure"'));
  await control.setFaults({ calls: [{ path: '/*', status: 401 }] });
  await enqueueSync({ kind: 'user', id: alice });
  await waitForLog(stack, (line) => line.includes('"reason":"litellm_key_refused"'));
  await runRepair();
  await control.clearFaults();
}

async function enqueueSync(subject: SyncMessage['subject']): Promise<void> {
  const queue = new QueueClient(stack.storageConnectionString, 'litellm-sync');
  const text = serializeSyncMessage({ version: 1, subject });
  await queue.sendMessage(Buffer.from(text).toString('base64'));
}

/** A person brings a group that the list lacks while a permission is missing. */
async function waitForTheDirectory(): Promise<void> {
  await stack.control.setFaults({ graphPermissionMissing: true });
  await stack.control.editDirectory({ edit: 'assignGroup', group: sampleGroups.notAssigned });
  const visitor = new Visitor(stack.url);
  await visitor.signIn('alice@company.com');
  await visitor.waitFor('waiting');
  await stack.runAssignedGroups();
  await stack.control.clearFaults();
}

async function holdListBack(): Promise<void> {
  await unassignMany((groups) => groups.slice(0, lostCount));
  await stack.runAssignedGroups();
}

/** Of the groups of the person with very many. */
async function unassignMany(choose: (ids: readonly string[]) => readonly string[]): Promise<void> {
  const { groups } = await stack.control.readDirectory();
  const many = groups.filter((group) => group.memberIds.includes(samplePeople.manyGroups));
  await stack.control.editDirectory(
    ...choose(many.map(({ id }) => id)).map((id) => ({ edit: 'unassignGroup' as const, group: id })),
  );
}

// ---------------------------------------------------------------------------------------------------------------

describe('the alerts', () => {
  it('have one section each, by the name and the title that the template gives them', () => {
    const rules = [
      ...read('infra/app/alerts.bicep').matchAll(/^ {4}name: '(\w+)'\n {4}displayName: '([^']+)'/gm),
    ];
    expect(rules.length).toBeGreaterThan(4);
    const sections = [...page.matchAll(/^### `alert-(\w+)`: (.+)$/gm)];
    expect(sections.map(([, name, title]) => `${name}: ${title}`)).toEqual(
      rules.map(([, name, title]) => `${name}: ${title}`),
    );
  });

  it('say what is seen, why it can be, what to ask and what to do', () => {
    for (const section of page.split(/^#{2,3} /m).filter((part) => part.startsWith('`alert-'))) {
      const missing = ['**What you see**', '**Likely causes**', '```kql', '**What to do**'].filter(
        (part) => !section.includes(part),
      );
      expect(missing, section.slice(0, 60)).toEqual([]);
    }
  });
});

// ---------------------------------------------------------------------------------------------------------------

/** Columns of the workspace's tables, as Azure Monitor's reference names them; as many as we use. */
const COLUMNS: Readonly<Record<string, readonly string[]>> = {
  AppTraces: ['TimeGenerated', 'Message', 'SeverityLevel', 'OperationId', 'AppRoleInstance', 'Properties'],
  AppMetrics: ['TimeGenerated', 'Name', 'Sum', 'ItemCount', 'Min', 'Max', 'Properties'],
  AppRequests: [
    'TimeGenerated',
    'Name',
    'Id',
    'ParentId',
    'OperationId',
    'DurationMs',
    'Success',
    'ResultCode',
    'Properties',
  ],
  AppDependencies: [
    'TimeGenerated',
    'Name',
    'Id',
    'ParentId',
    'OperationId',
    'DurationMs',
    'Success',
    'ResultCode',
    'Target',
    'DependencyType',
    'Properties',
  ],
};

/** What the language itself has; as much as we use. */
const LANGUAGE: ReadonlySet<string> = new Set(
  `where extend project summarize order top by asc desc and or in bin iff count sum min max dcount countif take_any arg_max
  percentiles isempty isnotempty tostring todouble`.split(/\s+/),
);

interface KqlBlock {
  readonly title: string;
  readonly tables: readonly string[];
  /** The leading `where` and `extend`, as this repository's own reader takes them: over one table. */
  readonly selecting: string;
  /** What then counts, orders and shows. */
  readonly showing: string;
}

function parseBlock(text: string): KqlBlock {
  const title = /^\/\/ (.+)\n/.exec(text)?.[1];
  if (title === undefined) throw new Error(`A query has no title: ${text}`);
  const [head = '', ...steps] = text
    .slice(text.indexOf('\n') + 1)
    .trim()
    .split(/\n\| /);
  const tables = head.replace(/^union /, '').split(', ');
  const found = steps.findIndex((step) => !/^(?:where|extend) /.test(step));
  const end = found < 0 ? steps.length : found;
  return {
    title,
    tables,
    selecting: [tables[0], ...steps.slice(0, end)].join('\n| '),
    showing: steps.slice(end).join('\n| '),
  };
}

const kql = blocksOf('kql').map(parseBlock);
const emitted = readEmittedEvents();

/** Stands in for what the reader of the page fills in. */
function filledIn(text: string): string {
  return text
    .replaceAll('<object id>', bob)
    .replaceAll('<observation id>', given.observation)
    .replaceAll('<trace id>', given.trace)
    .replaceAll('<reference>', reference);
}

const optionalText = z.string().optional();
const eventSchema = z.looseObject({
  event: z.string(),
  code: optionalText,
  decision: optionalText,
  reason: optionalText,
  status: z.unknown().optional(),
});

function textOf(row: Row, column: string): string {
  const value = row[column];
  return typeof value === 'string' ? value : '';
}

/** Every line of JSON that the run and, for what it does not bring about, the samples of the alerts wrote. */
function traceRows(): readonly Row[] {
  const lines = logs.flatMap((line) => /\{"event".*\}$/.exec(line)?.[0] ?? []);
  const write = (line: unknown): void => void lines.push(String(line));
  const log = { info: write, warn: write, error: write };
  try {
    parseConfig({});
  } catch (error) {
    writeEvent(log, { name: 'configuration.fault', level: 'error' }, errorFields(error));
  }
  writeEvent(
    log,
    { name: 'provision.user', level: 'info' },
    { status: 'done', reported: 2, reason: 'sample' },
  );
  const moved = "Message has reached MaxDequeueCount of 5. Moving message to queue 'provision-poison'.";
  return [...lines, alertSamples.get('the repair fails') ?? '', moved].map((Message) => ({ Message }));
}

const isRequest = (span: ReceivedSpan): boolean => span.kind === 5;

function rowsOfTable(table: string): readonly Row[] {
  if (table === 'AppTraces') return traceRows();
  if (table === 'AppMetrics') return Object.keys(METRICS).map((name) => ({ Name: name }));
  return receiver
    .spans()
    .filter((span) => isRequest(span) === (table === 'AppRequests'))
    .map((span) => ({
      Name: span.name,
      OperationId: span.traceId,
      ResultCode: String(span.attributes['http.response.status_code'] ?? ''),
    }));
}

/** What a row is, in a word or two. */
function labelOf(row: Row): string {
  const message = textOf(row, 'Message');
  if (message === '') return textOf(row, 'Name');
  if (!message.startsWith('{')) return message.split(' ').slice(0, 4).join(' ');
  const { event, code, decision, reason, status } = eventSchema.parse(JSON.parse(message));
  const said = code ?? decision ?? reason ?? status;
  return typeof said === 'string' ? `${event} ${said}` : event;
}

/** What each query of the page must find in the run, and nothing else. */
const FINDS: Readonly<Record<string, readonly string[]>> = {
  'what was given up, and why': ['provision.failure snapshot_missing'],
  'what the host moved': ['Message has reached MaxDequeueCount'],
  'deliveries that failed': ['provision.user snapshot_missing'],
  'failed sign-ins by code': ['signin.complete credential_refused'],
  'which pushes were given up': ['push.failure litellm_refused'],
  'what somebody has to decide or to mend': [
    'configuration.fault configuration_invalid',
    'groups.refresh directory_permission_missing',
    'groups.refresh held_back',
    'members.reconcile storage_refused',
    'push.person litellm_key_refused',
    'push.repair litellm_key_refused',
  ],
  'when the assigned groups were read last': ['groups.refresh accepted', 'groups.refresh held_back'],
  'one person, or one sign-in': [
    'provision.failure snapshot_missing',
    'provision.user done',
    'push.failure litellm_refused',
    'push.person done',
    'signin.complete',
  ],
  'all events of one trace': ['provision.failure snapshot_missing', 'provision.user snapshot_missing'],
  'all spans of one trace': [
    'create LiteLLMUserTable',
    'find LiteLLMUserTable',
    'find ProvisioningSnapshots',
    'process provision',
    'process provision-poison',
    'read LiteLLMUserTable',
    'replace LiteLLMUserTable',
    'upsert ProvisioningFailures',
  ],
  'what stands behind a reference': ['signin.complete credential_refused'],
  'sign-ins by outcome': ['signin.complete', 'signin.complete credential_refused'],
  'slowest provisionings': ['provision.user done', 'provision.user sample', 'provision.user unchanged'],
  'seconds from sign-in to provisioned': [
    'provision.user done',
    'provision.user sample',
    'provision.user unchanged',
  ],
  'who waits now, and why': [
    'provision.user directory_permission_missing',
    'provision.user done',
    'provision.user sample',
    'provision.user unchanged',
  ],
  'runs that withheld something': ['provision.user sample'],
  'what the brake held back': ['groups.refresh held_back'],
  'how often Graph throttled': ['graph.throttled'],
  'which requests were throttled': ['GET /graph/v1.0/me/memberOf'],
  'poison by reason': ['provision.failure snapshot_missing', 'push.failure litellm_refused'],
  'who waits for LiteLLM now, and why': [
    'push.entity done',
    'push.person done',
    'push.person litellm_key_refused',
  ],
  'pushes by outcome': [
    'push.entity done',
    'push.person done',
    'push.person litellm_key_refused',
    'push.person litellm_refused',
  ],
  'pushes that failed': ['push.person litellm_refused'],
  'slowest pushes': ['push.person done'],
  'what is otherwise in LiteLLM': ['push.entity done'],
  'what the daily comparison found': ['sync.repair'],
  'how fast LiteLLM answers': [
    'GET /organization/info',
    'GET /team/info',
    'GET /user/list',
    'POST /organization/member_add',
    'POST /team/member_add',
    'POST /user/new',
  ],
};

/** `fields.x`, `fields["x"]`, `Properties["x"]`. */
const MEMBER = /\b(fields|Properties)(?:\.(\w+)|\["([^"]+)"\])/g;

describe('the queries', () => {
  it('are all listed here, and no other', () => {
    expect(kql.map(({ title }) => title).sort()).toEqual(Object.keys(FINDS).sort());
  });

  it.each(kql.map((block) => [block.title, block] as const))(
    'name only tables, columns and events that there are: %s',
    (_title, { tables, selecting }) => {
      const names = namesOf(parseQuery(filledIn(selecting)));
      expect(tables.filter((table) => !(table in COLUMNS))).toEqual([]);
      for (const table of tables) {
        expect([...names.columns].filter((column) => COLUMNS[table]?.includes(column) !== true)).toEqual([]);
      }
      const events = [...(names.comparedWith.get('event') ?? [])];
      expect(events.filter((event) => !emitted.has(event))).toEqual([]);
    },
  );

  it.each(kql.map((block) => [block.title, block] as const))(
    'show only members and columns that there are: %s',
    (_title, { tables, selecting, showing }) => {
      const text = `${selecting}\n| ${showing}`;
      const members = [...text.matchAll(MEMBER)];
      const named = (of: string): readonly string[] =>
        members.flatMap(([, from, plain, quoted]) => (from === of ? [plain ?? quoted ?? ''] : []));
      const { comparedWith } = namesOf(parseQuery(filledIn(selecting)));
      const known = membersOf([...(comparedWith.get('event') ?? [])]);
      expect(named('fields').filter((member) => !known.has(member))).toEqual([]);
      const attributes = new Set([
        ...receiver.spans().flatMap((span) => Object.keys(span.attributes)),
        ...Object.values(METRICS).flatMap((metric) => [...metric.attributes]),
      ]);
      expect(named('Properties').filter((attribute) => !attributes.has(attribute))).toEqual([]);
      const words = showing.replaceAll(MEMBER, '').replaceAll(/"[^"]*"|\b\d+[a-z]*\b/g, '');
      const own = new Set([
        ...namesIn(text, /(\w+)\s*=(?![=~])/g),
        ...tables.flatMap((table) => COLUMNS[table] ?? []),
      ]);
      expect(namesIn(words, /(\w+)/g).filter((word) => !LANGUAGE.has(word) && !own.has(word))).toEqual([]);
    },
  );

  it.each(kql.map((block) => [block.title, block] as const))('find what happened: %s', (title, block) => {
    const query = parseQuery(filledIn(block.selecting));
    const found = block.tables.flatMap((table) => selectRows(query, rowsOfTable(table)));
    expect([...new Set(found.map(labelOf))].sort()).toEqual(FINDS[title]);
  });
});

/** The members of these events (none named: of all), as the code lists them and as the run wrote them. */
function membersOf(events: readonly string[]): ReadonlySet<string> {
  const isMeant = (event: string): boolean => events.length === 0 || events.includes(event);
  const listed = [...emitted].flatMap(([event, members]) => (isMeant(event) ? [...members] : []));
  const written = traceRows().flatMap((row) => {
    const message = textOf(row, 'Message');
    if (!message.startsWith('{')) return [];
    const parsed = eventSchema.parse(JSON.parse(message));
    return isMeant(parsed.event) ? Object.keys(parsed) : [];
  });
  return new Set([...listed, ...written]);
}

// ---------------------------------------------------------------------------------------------------------------

interface Line {
  /** From the root: `callback / send provision / process provision`. */
  readonly path: string;
  /** Kind and what it says of its outcome. */
  readonly said: string;
}

/** A tree as {@link renderTree} writes it, without how long each took. */
function parseTree(text: string): readonly Line[] {
  const above: string[] = [];
  return text
    .trimEnd()
    .split('\n')
    .map((line) => {
      const [, indent = '', name = '', kind = '', said = ''] =
        /^( *)(.+?) {2,}(\w+) +[\d.]+ ms *(.*)$/.exec(line) ?? [];
      above.splice(indent.length / 3, above.length, name);
      return { path: above.join(' / '), said: `${kind} ${said}`.trim() };
    });
}

const trees = blocksOf('text').filter((block) => block.startsWith('callback '));

describe('the printed traces', () => {
  it.each(['first', 'repeated'] as const)('are what the code writes: a %s sign-in', (which) => {
    const printed = parseTree(trees[which === 'first' ? 0 : 1] ?? '');
    const real = parseTree(renderTree(traceOf(traces[which])));
    const inOrder = (lines: readonly Line[]): readonly string[] =>
      lines.map(({ path, said }) => `${path}: ${said}`).sort();
    expect(inOrder(printed)).toEqual(inOrder(real));
  });

  it('have no span before one that had ended when it began', () => {
    const spans = [...traceOf(traces.first)].sort((a, b) => (startsBefore(a, b) ? -1 : 1));
    const printed = parseTree(trees[0] ?? '').map(({ path }) => path.split(' / '));
    // The second line of a name is the second span of it.
    const timed = printed.map((path, at) => {
      const name = path.at(-1);
      const before = printed.slice(0, at).filter((each) => each.at(-1) === name).length;
      return {
        below: path.slice(0, -1).join(' / '),
        span: spans.filter((span) => span.name === name)[before],
      };
    });
    // Of one parent: what was sent goes on while its sender does.
    const misplaced = timed.filter(({ below, span }, at) =>
      timed
        .slice(0, at)
        .some(
          (before) =>
            before.below === below &&
            span !== undefined &&
            before.span !== undefined &&
            endsBefore(span, before.span),
        ),
    );
    expect(misplaced.map(({ span }) => span?.name)).toEqual([]);
  });

  it('have a line for each of their spans in the table of steps', () => {
    const explained = rowsOf('Span').flatMap(([names = '']) => namesIn(names, /`([^`]+)`/g));
    const printed = trees
      .flatMap(parseTree)
      .map(({ path }) => path.split(' / ').at(-1) ?? '')
      .filter((name) => !explained.includes(name));
    expect([...new Set(printed)]).toEqual([]);
    const seen = new Set(receiver.spans().map((span) => span.name));
    expect(explained.filter((name) => !seen.has(name))).toEqual([]);
  });

  it('are the only way to a failed delivery, whose event names no person', () => {
    const failed = traceRows().filter((row) => labelOf(row) === 'provision.user snapshot_missing');
    expect(failed.length).toBe(MAX_DELIVERIES);
    expect(failed.filter((row) => textOf(row, 'Message').includes('userId'))).toEqual([]);
  });
});

function startsBefore(one: ReceivedSpan, other: ReceivedSpan): boolean {
  return one.startTimeUnixNano < other.startTimeUnixNano;
}

function endsBefore(one: ReceivedSpan, other: ReceivedSpan): boolean {
  return one.endTimeUnixNano < other.startTimeUnixNano;
}

// ---------------------------------------------------------------------------------------------------------------

describe('the tables', () => {
  it('explain every code that anything throws, with its HTTP status', () => {
    const codes = Object.keys(errorTexts);
    const thrown = new Set(codes.filter((code) => new RegExp(`'${code}'`).test(sourceOfFailures)));
    const listed = rowsOf('Code').map(([code = '', status = '']) => [
      code.replaceAll('`', ''),
      Number(status),
    ]);
    expect(new Map(listed.map(([code, status]) => [code, status])).size).toBe(listed.length);
    expect(thrown.size).toBeGreaterThan(35);
    expect(new Set(listed.map(([code]) => code))).toEqual(thrown);
    const isCode = (code: unknown): code is ErrorCode => codes.includes(String(code));
    expect(listed.filter(([code, status]) => isCode(code) && errorStatus(code) !== status)).toEqual([]);
  });

  it('give our own limits as the code has them', () => {
    const minutes = (seconds: number): string => `${seconds / 60} minutes`;
    const visibility = /"visibilityTimeout": "00:00:(\d+)"/.exec(read('host.json'))?.[1];
    const figures = new Map([
      ['deliveries of a message', `${MAX_DELIVERIES}`],
      ['pause between two of them', `${visibility} seconds`],
      [
        'first and longest pause while waiting',
        `${FIRST_DELAY_SECONDS} seconds, ${minutes(LONGEST_DELAY_SECONDS)}`,
      ],
      ['waiting in all', `${WAITING_LIMIT_MS / 3_600_000} hours`],
      ['tries for a group that the list lacks', `${UNKNOWN_GROUP_TRIES}`],
      ['a poison message that could not be kept comes again after', minutes(KEEP_AGAIN_AFTER_SECONDS)],
      ['group ids inside a message', `${MAX_INLINE_BYTES / 1024} KiB of JSON`],
      ['rows in one transaction', `${MAX_TRANSACTION_WRITES}`],
      ['entries of the report on a person’s row', `${REPORT_LIMIT}`],
      ['the brake looks at percentages from', `${BRAKE_MINIMUM_GROUPS} groups`],
      ['the accepted list is remembered for', `${KNOWLEDGE_MAX_AGE_MS / 1000} seconds`],
      ['an answer about health is remembered for', `${HEALTH_MAX_AGE_MS / 1000} seconds`],
      ['a session', `${SESSION_LIFETIME_SECONDS / 3600} hours`],
      ['an attempt to sign in', minutes(ATTEMPT_LIFETIME_SECONDS)],
      ['one writer about a person, team or organization holds it for', `${LEASE_MS / 1000} seconds`],
      ['another one waits for it, before its message is put back', `${LEASE_WAIT_MS / 1000} seconds`],
    ]);
    expect(new Map(rowsOf('Our own limit').map(([what = '', figure = '']) => [what, figure]))).toEqual(
      figures,
    );
  });
});

describe('the health detail', () => {
  it('has the members that the page prints', () => {
    const printed: unknown = JSON.parse(blocksOf('json')[0] ?? '');
    expect(pathsOf(printed)).toEqual(pathsOf(health));
  });

  it('has a row in the table for every code of which it has a hint', () => {
    const rows = rowsOf('You see').map(([seen]) => seen);
    const hints = readHintedCodes();
    expect(hints.length).toBeGreaterThan(3);
    expect(hints.filter((code) => !rows.some((seen) => seen?.includes(code)))).toEqual([]);
  });
});

/** The codes for which `checkHealth` has a hint. */
function readHintedCodes(): readonly string[] {
  const hints = /const HINTS[^{]*\{([\s\S]*?)^\};/m.exec(read('shared/health/checkHealth.ts'))?.[1] ?? '';
  return namesIn(hints, /^ {2}(\w+):/gm);
}

function pathsOf(value: unknown, path = ''): readonly string[] {
  if (Array.isArray(value)) return [`${path}[]`];
  if (typeof value !== 'object' || value === null) return [`${path}: ${typeof value}`];
  return Object.entries(value)
    .flatMap(([key, each]) => pathsOf(each, `${path}.${key}`))
    .sort();
}

describe('the commands', () => {
  it('name npm scripts that there are', () => {
    const scripts = z
      .object({ scripts: z.record(z.string(), z.string()) })
      .parse(JSON.parse(read('package.json')));
    const named = namesIn(page, /npm run ([\w:]+)/g);
    expect(named.length).toBeGreaterThan(3);
    expect(named.filter((name) => !(name in scripts.scripts))).toEqual([]);
  });

  it.each(['redrive', 'sync'])('of %s are those that it explains itself', async (name) => {
    const { stdout } = await promisify(execFile)(process.execPath, [
      join(repositoryDir, `dev/${name}.ts`),
      '--help',
    ]);
    expect(blocksOf('text')).toContain(`${stdout.trim()}\n`);
  });

  it('and sentences name settings, choices and outputs that there are', () => {
    const choices = namesIn(read('infra/main.bicepparam'), /readEnvironmentVariable\('(\w+)'/g);
    const outputs = namesIn(read('infra/main.bicep'), /^output (\w+)/gm);
    const known = new Set([
      ...Object.values(settings).map((setting) => setting.name),
      ...namesIn(read('docs/settings.md'), /`((?:OTEL|AzureWebJobs)\w+)`/g),
      ...choices,
      ...outputs,
    ]);
    const named = [
      ...namesIn(page, /`((?:[A-Z][A-Z\d]*_[A-Z\d_]+|AzureWebJobs\w+))[`=]/g),
      ...namesIn(page, /azd env (?:set|get-value) (\w+)/g),
      ...namesIn(page, /--settings (\w+)=/g),
      ...namesIn(page, /--setting-names (\w+)/g),
    ];
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((name) => !known.has(name))).toEqual([]);
    expect(namesIn(page, /azd env set (\w+)/g).filter((name) => !choices.includes(name))).toEqual([]);
  });

  it('and sentences name tables and columns that the code has', () => {
    const tables: readonly string[] = Object.values(TABLES);
    const named = [
      ...namesIn(page, /--table-name (\w+)/g),
      ...namesIn(page, /`((?:LiteLLM|Entra|Provisioning|Pushed)[A-Z]\w+|SessionKeys)`/g),
    ];
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((name) => !tables.includes(name))).toEqual([]);
    const words = namesIn(page, /`([a-z]+(?:_[a-z]+)+)`/g);
    expect(words.length).toBeGreaterThan(60);
    expect(words.filter((word) => !new RegExp(`\\b${word}\\b`).test(source))).toEqual([]);
  });

  it('and sentences name functions and routes that the code registers', () => {
    const registered = new Set(namesIn(source, /app\.(?:http|timer|storageQueue)\('(\w+)'/g));
    expect(namesIn(page, /admin\/functions\/(\w+)/g).filter((name) => !registered.has(name))).toEqual([]);
    const routes = new Set(
      namesIn(source, /route: '([^']+)'/g).map((route) => `/${route}`.replace('//', '/')),
    );
    const litellms: ReadonlySet<string> = new Set(Object.values(REQUESTS).map(({ path }) => path));
    // Those of Entra, Graph and LiteLLM stand in the names of spans.
    const named = namesIn(page, /`(?:GET|POST) (\/[^`]*)`/g).filter(
      (route) => !/^\/(?:\{|graph)/.test(route) && !litellms.has(route),
    );
    expect(named.length).toBeGreaterThan(3);
    expect(named.filter((route) => !routes.has(route))).toEqual([]);
  });
});
