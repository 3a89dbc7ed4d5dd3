/** What `docs/operations.md` names, against the template, the code and one real run of the local stack under a collector. */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { QueueClient } from '@azure/storage-queue';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { samplePeople, sampleGroups } from '../dev/identity/sampleDirectory.ts';
import { REQUESTS } from '../shared/adapters/litellm/requests.ts';
import { TABLES } from '../shared/adapters/tables/tableNames.ts';
import { MAX_TRANSACTION_WRITES } from '../shared/adapters/tables/tableLimits.ts';
import { HEALTH_MAX_AGE_MS } from '../shared/app.ts';
import { settings } from '../shared/config/settings.ts';
import { BRAKE_MINIMUM_GROUPS } from '../shared/domain/assignedGroups.ts';
import { REPORT_LIMIT } from '../shared/domain/provisioningRun.ts';
import { type ErrorCode } from '../shared/errors.ts';
import { KNOWLEDGE_MAX_AGE_MS } from '../shared/flows/groupKnowledge.ts';
import { UNKNOWN_GROUP_TRIES } from '../shared/flows/provisionUser.ts';
import { FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS, WAITING_LIMIT_MS } from '../shared/flows/putBack.ts';
import { KEEP_AGAIN_AFTER_SECONDS } from '../shared/flows/recordFailure.ts';
import { LEASE_MS, LEASE_WAIT_MS } from '../shared/flows/withPushLease.ts';
import {
  MAX_DELIVERIES,
  MAX_INLINE_BYTES,
  type ProvisionMessage,
  serializeProvisionMessage,
} from '../shared/messages.ts';
import { errorStatus } from '../shared/pages/errorStatus.ts';
import { errorTexts } from '../shared/pages/errorTexts.ts';
import { ATTEMPT_LIFETIME_SECONDS, SESSION_LIFETIME_SECONDS } from '../shared/session.ts';
import { type PushMessage, serializePushMessage } from '../shared/messages/pushMessage.ts';
import { type E2eStack, startE2eStack, waitForLog } from './support/e2eStack.ts';
import { signInUntilDone, Visitor } from './support/e2eVisitor.ts';
import { waitUntil } from './support/e2eWait.ts';
import { type OtlpReceiver, type ReceivedSpan, startOtlpReceiver } from './telemetry/otlpReceiver.ts';
import { renderTree } from './telemetry/spanTree.ts';

const repositoryDir = resolve(import.meta.dirname, '..');
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
  await waitForPushes();
  traces = { first: await signInAlice(), repeated: await signInAlice() };
  await Promise.all([breakSignIns(), breakMessage()]);
  await waitForPushes();
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
async function waitForPushes(): Promise<void> {
  const queue = new QueueClient(stack.storageConnectionString, 'push');
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
  await waitForPushes();
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
  await new Visitor(stack.url).signIn('bob@company.com');
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
  await fetch(`${stack.url}/admin/functions/repairPush`, { method: 'POST' });
  await waitForLog(stack, (line) => line.includes('"event":"push.repair"'), from);
}

/** An admin edits by hand, LiteLLM refuses one member and then the key. */
async function breakPushes(): Promise<void> {
  const { control } = stack.litellm ?? {};
  if (control === undefined) throw new Error('There is no LiteLLM emulator.');
  const { production } = sampleGroups;
  await control.changeBudget({ teamId: production, maxBudget: 7 });
  await control.removeTeamMember({ teamId: production, userId: bob });
  await control.setFaults({ calls: [{ path: '/team/member_add', status: 403 }] });
  await requestPush({ kind: 'team', id: production });
  await requestPush({ kind: 'user', id: bob });
  await waitForLog(stack, (line) => line.includes('"event":"push.failure"'));
  await control.setFaults({ calls: [{ path: '/*', status: 401 }] });
  await requestPush({ kind: 'user', id: alice });
  await waitForLog(stack, (line) => line.includes('"reason":"litellm_key_refused"'));
  await runRepair();
  await control.clearFaults();
}

async function requestPush(subject: PushMessage['subject']): Promise<void> {
  const queue = new QueueClient(stack.storageConnectionString, 'push');
  const text = serializePushMessage({ version: 1, subject });
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

type Row = Readonly<Record<string, unknown>>;

/** Every line of JSON that the run wrote. */
function traceRows(): readonly Row[] {
  return logs.flatMap((line) => /\{"event".*\}$/.exec(line)?.[0] ?? []).map((Message) => ({ Message }));
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
  const hints = /const HINTS[^{]*\{([\s\S]*?)^\};/m.exec(read('shared/flows/checkHealth.ts'))?.[1] ?? '';
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

  it.each(['redrive', 'push'])('of %s are those that it explains itself', async (name) => {
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
