import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { TABLES } from '../shared/adapters/tables/tableNames.ts';
import { clearAttempt, SESSION_COOKIE_NAME } from '../shared/session.ts';

const root = resolve(import.meta.dirname, '..');
const page = 'docs/security.md';
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const document = read(page);

const namesIn = (text: string, pattern: RegExp): readonly string[] =>
  [...text.matchAll(pattern)].map((found) => found[1] ?? '');

function filesBelow(folder: string, ending: string): readonly string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith(ending))
    .map((path) => `${folder}/${path.replaceAll('\\', '/')}`)
    .sort();
}

// ---------------------------------------------------------------- what the code and the template have

interface Route {
  readonly name: string;
  readonly key: string;
  readonly file: string;
}

/** One trigger a file. */
function routeOf(path: string): readonly Route[] {
  const source = read(path);
  if (!source.includes('app.http(')) return [];
  const [route = '?'] = namesIn(source, /\broute: '([^']+)'/g);
  const [key = '?'] = namesIn(source, /\bauthLevel: '([^']+)'/g);
  const methods = namesIn(source, /\bmethods: \[([^\]]+)\]/g).flatMap((list) => namesIn(list, /'(\w+)'/g));
  const place = route.startsWith('/') ? route : `/${route}`;
  return methods.map((method) => ({ name: `${method} ${place}`, key, file: basename(path) }));
}

const routes = filesBelow('functions', '.ts').flatMap((path) => routeOf(path));
const bicepFiles = filesBelow('infra', '.bicep').map((path) => read(path));
const storage = read('infra/app/storage.bicep');
const entra = read('infra/app/entra.bicep');

/** The texts of a list that is a variable of the template. */
function listIn(template: string, name: string): readonly string[] {
  const [list = ''] = namesIn(template, new RegExp(`var ${name} = \\[([^\\]]*)\\]`, 'g'));
  return namesIn(list, /'([^']+)'/g);
}

const cookies = [SESSION_COOKIE_NAME, clearAttempt('').name.replace(/[\w-]{16}$/, '<hash>')];
const queues = filesBelow('shared', '.ts').flatMap((path) =>
  namesIn(read(path), /^export const \w*_QUEUE = '([^']+)'/gm),
);
const containers = namesIn(storage, /var \w*[cC]ontainerName = '([^']+)'/g);
const roleIds = bicepFiles
  .filter((template) => template.includes('Microsoft.Authorization/roleAssignments@'))
  .flatMap((template) => namesIn(template, /'([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})'/g));
const delegated = namesIn(entra, /var delegatedPermission = '([^']+)'/g);
const scopes = namesIn(entra, /\bscope: '([^'$]+)/g).flatMap((text) => text.trim().split(/ +/));
const permissions = [...listIn(entra, 'applicationPermissions'), ...delegated, ...scopes];

// ---------------------------------------------------------------- what the page says

interface Table {
  readonly heading: string;
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

const cellsOf = (line: string): readonly string[] =>
  line
    .slice(1, -1)
    .split('|')
    .map((cell) => cell.trim());

function tablesOf(markdown: string): readonly Table[] {
  return markdown.split(/^#+ /m).flatMap((section) => {
    const [heading = ''] = section.split('\n', 1);
    const blocks = namesIn(section, /((?:^\|.*\|\n)+)/gm);
    return blocks.map((block) => {
      const [header = '', , ...rows] = block.trim().split('\n');
      return { heading, header: cellsOf(header), rows: rows.map((row) => cellsOf(row)) };
    });
  });
}

const rowsUnder = (tables: readonly Table[], heading: string): readonly (readonly string[])[] =>
  tables.filter((table) => table.heading === heading).flatMap((table) => table.rows);

const targetsOf = (markdown: string): ReadonlyMap<string, string> =>
  new Map([...markdown.matchAll(/^\[([^\]]+)\]: (\S+)$/gm)].map(([, name = '', to = '']) => [name, to]));

/** What must stand in one column of one table, in any order and nothing else. */
interface Listing {
  readonly heading: string;
  readonly column: number;
  readonly names: readonly string[];
}

const listings: readonly Listing[] = [
  { heading: 'Routes', column: 0, names: routes.map(({ name }) => name) },
  { heading: 'Cookies', column: 0, names: cookies },
  { heading: 'Tables', column: 0, names: Object.values(TABLES) },
  {
    heading: 'Queues and containers',
    column: 0,
    names: [...new Set([...queues, ...listIn(storage, 'queueNames'), ...containers])],
  },
  { heading: 'Azure roles of the managed identity', column: 1, names: roleIds },
  { heading: 'Permissions in Entra', column: 0, names: permissions },
];

// ---------------------------------------------------------------- what is wrong with it

function listingFaults(tables: readonly Table[], { heading, column, names }: Listing): readonly string[] {
  const listed = rowsUnder(tables, heading).map((row) => row[column] ?? '');
  return [
    ...names
      .filter((name) => !listed.includes(`\`${name}\``))
      .map((name) => `${heading}: no row for ${name}`),
    ...listed
      .filter((cell) => !names.includes(cell.replaceAll('`', '')))
      .map((cell) => `${heading}: ${cell} is not in the code`),
  ];
}

function routeFaults(tables: readonly Table[]): readonly string[] {
  const rows = rowsUnder(tables, 'Routes');
  return routes.flatMap(({ name, key, file }) => {
    const row = rows.find(([first]) => first === `\`${name}\``);
    if (row === undefined || (row[1] === key && row[2] === `[${file}]`)) return [];
    return [`Routes: ${name} is ${key} in ${file}`];
  });
}

/** Cells that are missing or empty: a row must answer what its header asks. The last column of the gaps may have no answer. */
function shapeFaults({ heading, header, rows }: Table): readonly string[] {
  const mayBeEmpty = heading === 'Known gaps' || heading === 'People' || heading === 'Trust boundaries';
  return rows
    .filter((row) => row.length !== header.length || (!mayBeEmpty && row.includes('')))
    .map((row) => `${heading}: ${row[0]} does not fill its columns`);
}

/** Whether a file has a test of this title. */
function hasTitle(source: string, title: string): boolean {
  const spellings = [title, title.replaceAll("'", String.raw`\'`)];
  return spellings.some((text) => ["'", '"', '`'].some((quote) => source.includes(quote + text + quote)));
}

const isTestFile = (path: string): boolean => path.startsWith('test/') && path.endsWith('.test.ts');

/** The files that a cell names, as paths in this repository; `undefined` where the page does not say where one is. */
function filesIn(cell: string, targets: ReadonlyMap<string, string>): readonly (string | undefined)[] {
  const links = [...cell.matchAll(/\[([^\]]+)\](?:\(([^)#]+)[^)]*\))?/g)];
  return links.map(([, name = '', inline]) => {
    const to = inline ?? targets.get(name);
    return to === undefined ? undefined : join(dirname(page), to).replaceAll('\\', '/');
  });
}

function shownFaults(shown: string, targets: ReadonlyMap<string, string>): readonly string[] {
  if (/^No test: .{10}/.test(shown)) return [];
  const claims = [...shown.matchAll(/(\[[^\]]+\]) ("[^"]+"(?:, "[^"]+")*)/g)];
  if (claims.length === 0) return ['names no test'];
  return claims.flatMap(([, link = '', titles = '']) => {
    const [path] = filesIn(link, targets);
    if (path === undefined || !isTestFile(path) || !existsSync(join(root, path)))
      return [`${link} is no test`];
    const source = read(path);
    return namesIn(titles, /"([^"]+)"/g)
      .filter((title) => !hasTitle(source, title))
      .map((title) => `${path} has no "${title}"`);
  });
}

function threatFaults(tables: readonly Table[], targets: ReadonlyMap<string, string>): readonly string[] {
  return tables
    .filter(({ header }) => header.at(-1) === 'Shown by')
    .flatMap(({ rows }) => rows)
    .flatMap(([id = '', , , where = '', shown = '']) => {
      const files = filesIn(where, targets);
      const isPlaced = files.length > 0 && files.every((path) => path !== undefined && !isTestFile(path));
      return [...(isPlaced ? [] : ['says of no file where']), ...shownFaults(shown, targets)].map(
        (fault) => `${id} ${fault}`,
      );
    });
}

function linkFaults(markdown: string, targets: ReadonlyMap<string, string>): readonly string[] {
  const text = markdown
    .replaceAll(/^```[\s\S]*?^```/gm, '')
    .replaceAll(/^\[[^\]]+\]: .*$/gm, '')
    .replaceAll(/`[^`\n]*`/g, '');
  const used = new Set(namesIn(text, /\[([^\]\n]+)\](?!\()/g));
  return [
    ...[...used].filter((name) => !targets.has(name)).map((name) => `[${name}] leads nowhere`),
    ...[...targets.keys()].filter((name) => !used.has(name)).map((name) => `[${name}] is not used`),
    ...[...targets]
      .filter(([, to]) => !existsSync(join(root, dirname(page), to)))
      .map(([name]) => `[${name}] does not exist`),
  ];
}

function faultsOf(markdown: string): readonly string[] {
  const tables = tablesOf(markdown);
  const targets = targetsOf(markdown);
  return [
    ...listings.flatMap((listing) => listingFaults(tables, listing)),
    ...routeFaults(tables),
    ...tables.flatMap((table) => shapeFaults(table)),
    ...threatFaults(tables, targets),
    ...linkFaults(markdown, targets),
  ];
}

// ---------------------------------------------------------------- the page, broken once for each

/** The page without the row of one table that has this in its first two cells. */
function withoutRow(heading: string, name: string): string {
  const [before = '', ...after] = document.split(`# ${heading}\n`);
  const lines = after.join(`# ${heading}\n`).split('\n');
  const index = lines.findIndex((line) => line.startsWith('|') && cellsOf(line).includes(`\`${name}\``));
  return `${before}# ${heading}\n${lines.filter((_, each) => each !== index).join('\n')}`;
}

const threats = tablesOf(document).filter(({ header }) => header.at(-1) === 'Shown by');
const quoted = threats
  .flatMap(({ rows }) => rows)
  .flatMap((row) => namesIn(row.at(-1) ?? '', /"([^"]+)"/g).map((title) => [row[0] ?? '', title] as const));

describe('docs/security.md', () => {
  it('has a row for everything there is, and none for what is not, and names files and tests that exist', () => {
    expect(faultsOf(document)).toEqual([]);
  });

  it('is compared with what is really there', () => {
    expect(routes.filter(({ key }) => key === 'anonymous').length).toBeGreaterThanOrEqual(7);
    expect(listings.filter(({ names }) => names.length < 2)).toEqual([]);
    expect(queues).toEqual(expect.arrayContaining([...listIn(storage, 'queueNames')]));
    expect(Math.min(containers.length, roleIds.length, delegated.length, scopes.length)).toBeGreaterThan(0);
    expect(quoted.length).toBeGreaterThan(110);
  });

  it('names no gap that is not in its list, and no threat twice', () => {
    const gaps = new Set(rowsUnder(tablesOf(document), 'Known gaps').map(([number]) => number));
    const named = namesIn(document, /\bgap (\d+)/g);
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((number) => !gaps.has(number))).toEqual([]);
    const ids = threats.flatMap(({ rows }) => rows).map(([id]) => id);
    expect(ids.filter((id, at) => ids.indexOf(id) !== at)).toEqual([]);
  });

  it.each(listings.flatMap(({ heading, names }) => names.map((name) => [heading, name] as const)))(
    'under "%s" cannot lose the row of %s',
    (heading, name) => {
      expect(faultsOf(withoutRow(heading, name))).toContain(`${heading}: no row for ${name}`);
    },
  );

  it.each(quoted)('in %s cannot quote another title than "%s"', (id, title) => {
    const broken = document.replaceAll(`"${title}"`, `"${title}, or not"`);
    expect(faultsOf(broken).some((fault) => fault.startsWith(`${id} `) && fault.includes('or not'))).toBe(
      true,
    );
  });

  it.each([
    {
      what: 'a route that is gone',
      found: '| `GET /api/me` |',
      put: '| `GET /api/you` |',
      fault: 'Routes: `GET /api/you` is not in the code',
    },
    {
      what: 'another key of a route',
      found: '| `GET /api/me` | anonymous |',
      put: '| `GET /api/me` | function |',
      fault: 'Routes: GET /api/me is anonymous',
    },
    {
      what: 'another file of a route',
      found: '| anonymous | [me.ts] |',
      put: '| anonymous | [home.ts] |',
      fault: 'Routes: GET /api/me is anonymous in me.ts',
    },
    {
      what: 'an empty cell',
      found: '| the deployed package | none |',
      put: '| the deployed package | |',
      fault: 'does not fill its columns',
    },
    {
      what: 'a file that is gone',
      found: '../shared/session.ts',
      put: '../shared/sessions.ts',
      fault: '[session.ts] does not exist',
    },
    {
      what: 'a name that leads nowhere',
      found: '[session.ts]: ../shared/session.ts\n',
      put: '',
      fault: '[session.ts] leads nowhere',
    },
    {
      what: 'an answer without a file',
      found: '| [isSafeId.ts], [azureTables.ts] |',
      put: '| everywhere |',
      fault: 'T35 says of no file',
    },
    {
      what: 'a file for a test',
      found: '[keyRing.test.ts] "happens',
      put: '[keyRing.ts] "happens',
      fault: 'T49 [keyRing.ts] is no test',
    },
    {
      what: 'a title of the proxy’s tests that is gone',
      found: '"a redirect takes the key nowhere"',
      put: '"a redirect takes the key along"',
      fault: 'T60 test/adapters/litellmAnswers.test.ts has no "a redirect takes the key along"',
    },
    {
      what: 'an answer without a test',
      found: "| No test: a person's order of work |",
      put: '| see there |',
      fault: 'T58 names no test',
    },
  ])('is not believed with $what', ({ found, put, fault }) => {
    const broken = document.replace(found, put);
    expect(broken).not.toBe(document);
    expect(faultsOf(broken).filter((each) => each.includes(fault))).not.toEqual([]);
  });
});

describe('the cookies', () => {
  it('are made in one place, which names them all', () => {
    const sources = [...filesBelow('shared', '.ts'), ...filesBelow('functions', '.ts')];
    expect(sources.filter((path) => /\bhttpOnly: true[,;]? /.test(read(path)))).toEqual([
      'shared/session.ts',
    ]);
    expect(sources.filter((path) => /set-cookie/i.test(read(path)))).toEqual([]);
    const named = sources.flatMap((path) => namesIn(read(path), /(__Host-[a-z]+-[a-z]+)/g));
    expect([...new Set(named)].sort()).toEqual(cookies.map((name) => name.replace('-<hash>', '')).sort());
  });
});
