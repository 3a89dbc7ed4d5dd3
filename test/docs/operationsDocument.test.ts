/** Compares the lists of `docs/operations.md` and `docs/telemetry.md` with the code and the template. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { REQUESTS } from '../../shared/litellm/client/requests.ts';
import { TABLES } from '../../shared/storage/tables/tableNames.ts';
import { settings } from '../../shared/config/settings.ts';
import { AADSTS_NUMBERS } from '../../shared/microsoft/aadsts.ts';
import { signInError } from '../../shared/microsoft/signInError.ts';
import type { Fixer } from '../../shared/web/pages/errorText.ts';
import { errorTexts } from '../../shared/web/pages/errorTexts.ts';
import { METRICS } from '../../shared/telemetry/metrics.ts';

const root = resolve(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(join(root, file), 'utf8');
const operations = read('docs/operations.md');
const telemetry = read('docs/telemetry.md');

const namesIn = (text: string, pattern: RegExp): readonly string[] =>
  [...text.matchAll(pattern)].map((found) => found[1] ?? '');

/** Returns the names in backticks of the first column of every table whose first heading is this one. */
function listedUnder(page: string, column: string): readonly string[] {
  const tables = namesIn(page, new RegExp(`^\\| ${column} \\|.*\\n\\|-.*\\n((?:\\|.*\\n)+)`, 'gm'));
  return tables.flatMap((rows) =>
    rows.split('\n').flatMap((row) => namesIn(row.split('|')[1] ?? '', /`([^`]+)`/g)),
  );
}

/** All source text of the product, for looking up names. */
const source = ['functions', 'shared']
  .flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => read(join(folder, file))),
  )
  .join('\n');
const isInSource = (word: string): boolean => new RegExp(`\\b${word}\\b`).test(source);

const [eventType = ''] = namesIn(source, /export type EventName =([^;]*);/g);
const events = namesIn(eventType, /'([^']+)'/g);
const queues = namesIn(source, /^export const \w*_QUEUE = '([^']+)'/gm);

const signInErrorFixer = (numbers: readonly number[]): Fixer =>
  errorTexts[signInError({ number: numbers[0] }).code].fixer;

describe('docs/operations.md', () => {
  it('has a runbook for each alert of the template', () => {
    const alerts = namesIn(read('infra/app/alerts.bicep'), /^ {4}name: '(\w+)'\n {4}displayName:/gm);
    expect(alerts.length).toBeGreaterThan(4);
    expect(namesIn(operations, /^### `alert-(\w+)`: /gm)).toEqual(alerts);
    const runbooks = operations.split(/^#{2,3} /m).filter((section) => section.startsWith('`alert-'));
    const parts = ['**Symptom.**', '**Check.**', '**Action.**'];
    const incomplete = runbooks.filter((runbook) => !parts.every((part) => runbook.includes(part)));
    expect(incomplete).toEqual([]);
  });

  it('explains each error code once', () => {
    expect([...listedUnder(operations, 'Code')].sort()).toEqual(Object.keys(errorTexts).sort());
  });

  it('lists each known AADSTS number, with who can fix it', () => {
    const who = {
      you: 'the person',
      administrator: 'an Entra administrator',
      operator: 'the operator',
      time: 'waiting helps',
    };
    const rows = Object.entries(AADSTS_NUMBERS).map(
      ([code, numbers]) => `| \`${code}\` | ${who[signInErrorFixer(numbers)]} | ${numbers.join(', ')} |`,
    );
    expect(rows.filter((row) => !operations.includes(row))).toEqual([]);
  });

  it('names each table and each queue', () => {
    expect(queues.length).toBeGreaterThan(3);
    const names = [...Object.values(TABLES), ...queues];
    expect(names.filter((name) => !operations.includes(`\`${name}\``))).toEqual([]);
  });

  it('names no table, column or field that does not exist', () => {
    const tables: readonly string[] = Object.values(TABLES);
    const named = [
      ...namesIn(operations, /--table-name (\w+)/g),
      ...namesIn(operations, /`((?:LiteLLM|Entra|Provisioning|Synced)[A-Z]\w+|Heartbeats|SessionKeys)`/g),
    ];
    expect(named.filter((name) => !tables.includes(name))).toEqual([]);
    const words = namesIn(operations, /`([a-z]+(?:_[a-z]+)+)`/g);
    expect(words.length).toBeGreaterThan(60);
    expect(words.filter((word) => !isInSource(word))).toEqual([]);
  });

  it('names no command, function or route that does not exist', () => {
    const { scripts } = z
      .object({ scripts: z.record(z.string(), z.string()) })
      .parse(JSON.parse(read('package.json')));
    const commands = namesIn(operations, /npm run ([\w:]+)/g);
    expect(commands.length).toBeGreaterThan(3);
    expect(commands.filter((name) => !(name in scripts))).toEqual([]);
    const functions = namesIn(source, /(?:app\.http|onTimer|onQueue)\(\s*'(\w+)'/g);
    const called = namesIn(operations, /admin\/functions\/(\w+)/g);
    expect(called.filter((name) => !functions.includes(name))).toEqual([]);
    const routes = namesIn(source, /route: '([^']+)'/g).map((route) => `/${route.replace(/^\//, '')}`);
    const paths = new Set([...routes, ...Object.values(REQUESTS).map(({ path }) => path)]);
    const named = namesIn(operations, /`(?:GET|POST) (\/[^`]*)`/g).filter(
      // The names of two spans are requests to Entra and Graph.
      (route) => !/^\/(?:\{|graph)/.test(route),
    );
    expect(named.length).toBeGreaterThan(3);
    expect(named.filter((route) => !paths.has(route))).toEqual([]);
  });

  it('names no setting, choice or output that does not exist', () => {
    const choices = namesIn(read('infra/main.bicepparam'), /readEnvironmentVariable\('(\w+)'/g);
    const known = new Set([
      ...Object.values(settings).map((setting) => setting.name),
      ...namesIn(read('infra/main.bicep'), /^output (\w+)/gm),
      ...choices,
    ]);
    const named = [
      ...namesIn(operations, /`([A-Z][A-Z\d]*_[A-Z\d_]+)[`=]/g),
      ...namesIn(operations, /azd env (?:set|get-value) (\w+)/g),
      ...namesIn(operations, /--settings (\w+)=/g),
      ...namesIn(operations, /--setting-names (\w+)/g),
    ];
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((name) => !known.has(name))).toEqual([]);
    expect(namesIn(operations, /azd env set (\w+)/g).filter((name) => !choices.includes(name))).toEqual([]);
  });
});

describe('docs/telemetry.md', () => {
  it('lists exactly the events of the code', () => {
    expect(events.length).toBeGreaterThan(15);
    expect([...listedUnder(telemetry, 'Event')].sort()).toEqual([...events].sort());
  });

  it('lists exactly the metrics of the code', () => {
    const [list = ''] = namesIn(telemetry, /^## Metrics\n([\s\S]*?)^The /gm);
    expect([...namesIn(list, /`(\w+\.[\w.]+)`/g)].sort()).toEqual(Object.keys(METRICS).sort());
  });

  it('names no member of an event that does not exist', () => {
    const rows = telemetry.split('\n').filter((line) => /^\| `(?:\w+\.\w+|heartbeat)`/.test(line));
    const members = rows.flatMap((row) => namesIn(row.split('|')[3] ?? '', /`(\w+)`/g));
    expect(members.length).toBeGreaterThan(40);
    expect(members.filter((member) => !isInSource(member))).toEqual([]);
  });
});

/** The columns of the workspace's tables that the queries use, as named in Azure Monitor's reference. */
const SPAN_COLUMNS = 'Name Id ParentId OperationId DurationMs Success ResultCode Target Properties';
const COLUMNS: Readonly<Record<string, readonly string[]>> = {
  AppTraces: ['Message'],
  AppMetrics: ['Name', 'Sum', 'Properties'],
  AppRequests: SPAN_COLUMNS.split(' ').filter((column) => column !== 'Target'),
  AppDependencies: SPAN_COLUMNS.split(' '),
};

const queries = namesIn(operations + telemetry, /^```kql\n([\s\S]*?)^```$/gm);
const titled = queries.map((query) => [/^\/\/ (.+)/.exec(query)?.[1] ?? 'no title', query] as const);

describe('the queries', () => {
  it('each have a title', () => {
    expect(queries.length).toBeGreaterThan(10);
    const titles = titled.map(([title]) => title);
    expect(new Set(titles).size).toBe(titles.length);
    expect(titles).not.toContain('no title');
  });

  it.each(titled)('name only tables, columns, events and fields that exist: %s', (_title, query) => {
    const text = query.replace(/^\/\/.*\n/, '');
    const tables = namesIn(text, /\b(App[A-Z]\w+)/g);
    expect(tables.filter((table) => !(table in COLUMNS))).toEqual([]);
    const columns = new Set(['TimeGenerated', ...tables, ...tables.flatMap((table) => COLUMNS[table] ?? [])]);
    const words = namesIn(text.replaceAll(/"[^"]*"/g, ''), /\b([A-Z]\w+)/g);
    expect(words.filter((word) => !columns.has(word))).toEqual([]);
    const compared = namesIn(text, /\bevent (?:==|in) (\([^)]*\)|"[^"]*")/g);
    const named = compared.flatMap((list) => namesIn(list, /"([^"]+)"/g));
    expect(named.filter((event) => !events.includes(event))).toEqual([]);
    const fields = [...namesIn(text, /\bfields\.(\w+)/g), ...namesIn(text, /\bfields\["(\w+)"\]/g)];
    expect(fields.filter((field) => !isInSource(field))).toEqual([]);
  });
});
