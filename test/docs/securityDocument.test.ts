/** Compares the lists of `docs/security.md` with the code and the template. `links.test.ts` checks that its links resolve. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { TABLES } from '../../shared/storage/tables/tableNames.ts';
import { clearAttempt, SESSION_COOKIE_NAME } from '../../shared/session/session.ts';

const root = resolve(import.meta.dirname, '../..');
const page = 'docs/security.md';
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const document = read(page);

const namesIn = (text: string, pattern: RegExp): readonly string[] =>
  [...text.matchAll(pattern)].map((found) => found[1] ?? '');

function filesBelow(folder: string, ending: string): readonly string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith(ending))
    .map((path) => `${folder}/${path.replaceAll('\\', '/')}`);
}

/** Returns the text below one heading, up to the next heading of any level. */
const sectionOf = (heading: string): string =>
  document.split(/^#+ /m).find((section) => section.startsWith(`${heading}\n`)) ?? '';

/** Returns the names in backticks of one column of a section's table. */
function listedIn(heading: string, column: number): readonly string[] {
  const [, , ...rows] = sectionOf(heading)
    .split('\n')
    .filter((line) => line.startsWith('|'));
  return rows.flatMap((row) => namesIn(row.split('|')[column + 1] ?? '', /`([^`]+)`/g));
}

// ---------------------------------------------------------------- lists in the code and the template

const triggers = filesBelow('functions', '.ts').filter((path) => read(path).includes('app.http('));
/** The routes of the code, each as `GET /api/me anonymous me.ts`. */
const routes = triggers.flatMap((path) => {
  const source = read(path);
  const [route = '?'] = namesIn(source, /\broute: '([^']+)'/g);
  const [key = '?'] = namesIn(source, /\bauthLevel: '([^']+)'/g);
  const methods = namesIn(source, /\bmethods: \[([^\]]+)\]/g).flatMap((list) => namesIn(list, /'(\w+)'/g));
  return methods.map((method) => `${method} /${route.replace(/^\//, '')} ${key} ${basename(path)}`);
});

const storage = read('infra/app/storage.bicep');
const entra = read('infra/app/entra.bicep');

/** Returns the texts of a list that is a variable of the template. */
function listIn(template: string, name: string): readonly string[] {
  const [list = ''] = namesIn(template, new RegExp(`var ${name} = \\[([^\\]]*)\\]`, 'g'));
  return namesIn(list, /'([^']+)'/g);
}

const cookies = [SESSION_COOKIE_NAME, clearAttempt('').name.replace(/[\w-]{16}$/, '<hash>')];
const queues = filesBelow('shared', '.ts').flatMap((path) =>
  namesIn(read(path), /^export const \w*_QUEUE = '([^']+)'/gm),
);
const containers = namesIn(storage, /var \w*[cC]ontainerName = '([^']+)'/g);
const roleIds = filesBelow('infra', '.bicep')
  .map((path) => read(path))
  .filter((template) => template.includes('Microsoft.Authorization/roleAssignments@'))
  .flatMap((template) => namesIn(template, /'([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})'/g));
const permissions = [
  ...listIn(entra, 'applicationPermissions'),
  ...namesIn(entra, /var delegatedPermission = '([^']+)'/g),
  ...namesIn(entra, /\bscope: '([^'$]+)/g).flatMap((text) => text.trim().split(/ +/)),
];

// ---------------------------------------------------------------- lists on the page

interface Threat {
  readonly number: number;
  readonly text: string;
}

const threats: readonly Threat[] = [...document.matchAll(/^\*\*T(\d+) .*$/gm)].map(([text, number]) => ({
  number: Number(number),
  text,
}));
const gaps = namesIn(sectionOf('Known gaps'), /^(\d+)\. \*\*/gm).map(Number);

/** Returns the paths, from the root, that a part of a threat links to. */
const linkedIn = (text = ''): readonly string[] =>
  namesIn(text, /\]\(([^)#]+)[^)]*\)/g).map((link) => join(dirname(page), link).replaceAll('\\', '/'));

/** Threats that no test can show, with the reason on the page. */
const WITHOUT_TEST: ReadonlySet<number> = new Set([42, 58]);

const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index + 1);

describe('docs/security.md', () => {
  it.each([
    ['Cookies', 0, cookies],
    ['Tables', 0, Object.values(TABLES)],
    ['Queues and containers', 0, [...new Set([...queues, ...listIn(storage, 'queueNames'), ...containers])]],
    ['Azure roles of the managed identity', 1, roleIds],
    ['Permissions in Entra', 0, permissions],
  ] as const)('lists exactly what exists under "%s"', (heading, column, names) => {
    expect(names.length).toBeGreaterThan(1);
    expect([...listedIn(heading, column)].sort()).toEqual([...names].sort());
  });

  it('lists every route with its key and its file', () => {
    const rows = sectionOf('Routes').matchAll(/^\| `([^`]+)` \| (\w+) \| \[[^\]]+\]\(\S*\/(\w+\.ts)\)/gm);
    expect([...rows].map(([, route, key, file]) => `${route} ${key} ${file}`).sort()).toEqual(
      [...routes].sort(),
    );
  });

  it('keeps the numbers of its threats and gaps', () => {
    expect(threats.map(({ number }) => number)).toEqual(upTo(70));
    expect(gaps).toEqual(upTo(19));
    expect(namesIn(document, /\bgap (\d+)/gi).filter((number) => !gaps.includes(Number(number)))).toEqual([]);
  });

  it.each(threats)('names existing code and an existing test for threat T$number', ({ number, text }) => {
    const [answer = '', code = '', tests] = text.split(/ Code: | Tests: /);
    const isWithoutTest = WITHOUT_TEST.has(number);
    expect(text.includes(' No test: ')).toBe(isWithoutTest);
    expect(linkedIn(code === '' ? answer : code)).not.toEqual([]);
    expect(linkedIn(tests).length > 0).toBe(!isWithoutTest);
    expect(linkedIn(text).filter((path) => !existsSync(join(root, path)))).toEqual([]);
    const isTest = (path: string): boolean => /^test\/.*\.test\.ts$|^dev\/infra\/assertions\//.test(path);
    expect(linkedIn(tests).filter((path) => !isTest(path))).toEqual([]);
  });
});

describe('the cookies', () => {
  it('are created in one file, which names them all', () => {
    const sources = [...filesBelow('shared', '.ts'), ...filesBelow('functions', '.ts')];
    expect(sources.filter((path) => /\bhttpOnly: true[,;]? /.test(read(path)))).toEqual([
      'shared/session/session.ts',
    ]);
    expect(sources.filter((path) => /set-cookie/i.test(read(path)))).toEqual([]);
    const named = sources.flatMap((path) => namesIn(read(path), /(__Host-[a-z]+-[a-z]+)/g));
    expect([...new Set(named)].sort()).toEqual(cookies.map((name) => name.replace('-<hash>', '')).sort());
  });
});
