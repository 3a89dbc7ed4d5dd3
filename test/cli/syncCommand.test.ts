/** `npm run sync` as a separate process, against a real Azurite and the LiteLLM emulator. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { QueueClient } from '@azure/storage-queue';
import * as fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { versions } from '../../dev/litellm/versions.ts';
import { createStorage } from '../../dev/stack/createStorage.ts';
import { type LitellmEmulator, startLitellmEmulator } from '../../dev/litellm/emulator.ts';
import type { HandEditInput } from '../../dev/litellm/handEdits.ts';
import { createAzureTables } from '../../shared/storage/tables/azureTables.ts';
import { TABLES } from '../../shared/storage/tables/tableNames.ts';
import type { Tables } from '../../shared/model/tables.ts';
import { type Azurite, startAzurite } from '../support/azurite.ts';
import { createWorld, message } from '../support/world.ts';

// Each run starts a process.
vi.setConfig({ testTimeout: 60_000 });

const root = resolve(import.meta.dirname, '../..');
const GROUPS = Array.from({ length: 10 }, (_, index) => `group-${index}`);
const PEOPLE = ['person-1', 'person-2', 'person-3'];
const STRANGER = 'stranger';

let azurite: Azurite;
let litellm: LitellmEmulator;
let tables: Tables;

interface Ended {
  readonly code: number | null;
  readonly output: string;
  /** The rows of the table: action, what, id, person, detail. */
  readonly rows: readonly (readonly string[])[];
}

const ROW =
  /^(add|change|remove|differs|left alone) +(organization membership|team membership|organization|team|user) +(\S+)(?: +(.*))?$/;

function parseRows(output: string): readonly (readonly string[])[] {
  return output.split('\n').flatMap((line) => {
    const found = ROW.exec(line);
    if (found === null) return [];
    const [, action = '', what = '', id = '', rest = ''] = found;
    const [person = '', ...detail] = what.endsWith('membership') ? rest.split(/ {2,}/) : ['', rest];
    return [[action, what, id, person, detail.join(' ')]];
  });
}

async function run(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  const child = spawn(process.execPath, ['cli/sync.ts', ...args], {
    cwd: root,
    env: {
      PATH: process.env['PATH'] ?? '',
      NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] ?? '',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const keep = (chunk: unknown): void => {
    output += String(chunk);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const code = await new Promise<number | null>((ended) => void child.once('close', ended));
  return { code, output, rows: parseRows(output) };
}

const settings = (): Record<string, string> => ({
  AzureWebJobsStorage: azurite.connectionString,
  LITELLM_BASE_URL: litellm.url,
  LITELLM_API_KEY: litellm.masterKey,
});

async function readRecord(): Promise<unknown> {
  return Promise.all(
    [TABLES.syncedPeople, TABLES.syncedEntities].map(async (table) => tables.read(table, {})),
  );
}

async function countMessages(): Promise<number | undefined> {
  const queue = new QueueClient(azurite.connectionString, 'litellm-sync');
  return (await queue.getProperties()).approximateMessagesCount;
}

const linesOf = ({ rows }: Ended): readonly string[] =>
  rows
    .map(([action = '', what = '', id = '', person = '']) => `${action} ${what} ${id} ${person}`.trim())
    .sort();

beforeAll(async () => {
  azurite = await startAzurite();
  await createStorage(azurite.connectionString);
  tables = createAzureTables({
    connection: { kind: 'connectionString', connectionString: azurite.connectionString },
  });
  const world = createWorld({ assigned: GROUPS.map((id) => ({ id, displayName: `The ${id}` })) }).through(
    tables,
  );
  await world.refresh();
  for (const userId of PEOPLE) {
    const email = `${userId}@company.com`;
    await world.provision(message({ userId, email, name: `Name of ${userId}`, groups: GROUPS }));
  }
});

beforeEach(async () => {
  // Each test starts a new proxy, so the sync record must be empty.
  for (const table of [TABLES.syncedPeople, TABLES.syncedEntities]) {
    for (const { partitionKey, rowKey } of await tables.read(table, {})) {
      await tables.write(table, { kind: 'delete', key: { partitionKey, rowKey }, etag: '*' });
    }
  }
  litellm = await startLitellmEmulator();
  return async () => litellm.stop();
});

afterAll(async () => azurite.stop());

describe('npm run sync', () => {
  it('with --dry-run lists everything that a new proxy lacks, and changes nothing', async () => {
    const ended = await run(['--dry-run'], settings());
    expect(ended.output).toContain('Nothing was changed.');
    expect(ended.code).toBe(0);
    const expected = [
      ...GROUPS.flatMap((id) => [
        `add organization ${id}`,
        `add team ${id}`,
        ...PEOPLE.flatMap((person) => [
          `add organization membership ${id} ${person}`,
          `add team membership ${id} ${person}`,
        ]),
      ]),
      ...PEOPLE.map((person) => `add user ${person}`),
    ];
    expect(linesOf(ended)).toEqual(expected.sort());
    expect(litellm.requests.all.filter(({ isWrite }) => isWrite)).toEqual([]);
    expect(litellm.state.organizations).toEqual([]);
    await expect(readRecord()).resolves.toEqual([[], []]);
    await expect(countMessages()).resolves.toBe(0);
    for (const secret of [litellm.masterKey, 'Name of', '@company.com'])
      expect(ended.output).not.toContain(secret);
  });

  it('adds everything, and a second run finds no difference', async () => {
    const ended = await run([], settings());
    expect(ended.output).toContain('Memberships: 60 added, 0 changed, 0 removed.');
    expect(ended.output).toContain('0 waiting, 0 failed.');
    expect(ended.code).toBe(0);
    expect(ended.output).not.toContain(litellm.masterKey);
    expect(litellm.state.users.map((user) => user.user_id).sort()).toEqual(
      expect.arrayContaining([...PEOPLE]),
    );
    const team = litellm.state.findTeam('group-3');
    expect(team?.members_with_roles.map((member) => member.user_id).sort()).toEqual(
      ['default_user_id', ...PEOPLE].sort(),
    );
    expect(litellm.requests.destructive).toEqual([]);

    const writes = litellm.requests.all.filter(({ isWrite }) => isWrite).length;
    const again = await run([], settings());
    expect(again.rows).toEqual([]);
    expect(again.output).toContain('Synced 0; 0 waiting, 0 failed.');
    expect(litellm.requests.all.filter(({ isWrite }) => isWrite)).toHaveLength(writes);
    await expect(countMessages()).resolves.toBe(0);
  });
});

describe('the state of the proxy', () => {
  const proxySchema = z.object({ kind: z.literal('proxy'), proxy: z.looseObject({ version: z.string() }) });
  const linesOfJson = (output: string): readonly unknown[] =>
    output
      .trim()
      .split('\n')
      .map((line): unknown => JSON.parse(line));

  it.each(versions)('comes first in a dry run of version %s', async (version) => {
    await litellm.stop();
    litellm = await startLitellmEmulator({ version, licence: true });
    const { output, code } = await run(['--dry-run'], settings());
    expect(code).toBe(0);
    expect(output).toMatch(new RegExp(`^LiteLLM ${version} \\(tested: 1\\.80\\.0 to 1\\.108\\.0\\)$`, 'm'));
    expect(output).toMatch(/^ {2}organizations: available, since 20/m);
    expect(output).toContain('owner of the key: default_user_id');
  });

  it('names the missing licence, and changes nothing', async () => {
    await litellm.stop();
    litellm = await startLitellmEmulator({ version: '1.108.0' });
    const { output } = await run(['--dry-run'], settings());
    expect(output).toMatch(/^ {2}organizations: unlicensed, since 20/m);
    expect(output.match(/warning: organizations_unlicensed\./g)).toHaveLength(1);
    await expect(readRecord()).resolves.toEqual([[], []]);
  });

  it('with --json is the first line, before one line for each difference and one for the end', async () => {
    const { output, code } = await run(['--dry-run', '--json'], settings());
    expect(code).toBe(0);
    const [first, ...lines] = linesOfJson(output);
    expect(proxySchema.parse(first)).toMatchObject({
      proxy: { status: 'ok', version: litellm.version, organizations: { state: 'available' }, warnings: [] },
    });
    const end = lines.pop();
    expect(end).toMatchObject({ kind: 'end', compared: { people: 3 }, counts: { toAdd: lines.length } });
    const difference: unknown = expect.objectContaining({ action: 'add', what: 'team', id: 'group-3' });
    expect(lines).toContainEqual({ kind: 'difference', difference });
    for (const secret of [litellm.masterKey, 'Name of', '@company.com']) expect(output).not.toContain(secret);
    await expect(readRecord()).resolves.toEqual([[], []]);
  });

  it('is only shown as JSON by a dry run', async () => {
    expect((await run(['--json'], settings())).code).toBe(2);
    expect(litellm.requests.all).toEqual([]);
  });
});

interface Edited {
  readonly edits: readonly HandEditInput[];
  /** The rows that report the edits. */
  readonly rows: readonly (readonly [string, string])[];
}

/** Returns one manual edit of one group, and the rows that report it. */
function editOf(kind: number, id: string, person: string): Edited {
  const teamId = id;
  const organizationId = id;
  const edits: readonly Edited[] = [
    {
      edits: [{ edit: 'removeTeamMember', teamId, userId: person }],
      rows: [[`add team membership ${id} ${person}`, 'role none in LiteLLM, "user" in the store']],
    },
    {
      edits: [{ edit: 'changeBudget', organizationId, maxBudget: 5 }],
      rows: [[`differs organization ${id}`, 'max_budget 5 in LiteLLM, 1000 in the store']],
    },
    {
      edits: [{ edit: 'deleteTeam', teamId }],
      rows: [
        [`add team ${id}`, ''],
        ...PEOPLE.map(
          (each) =>
            [`add team membership ${id} ${each}`, 'role none in LiteLLM, "user" in the store'] as const,
        ),
      ],
    },
    {
      edits: [{ edit: 'addOrganizationMember', organizationId, userId: STRANGER }],
      rows: [
        [
          `left alone organization membership ${id} ${STRANGER}`,
          'added in LiteLLM: role "internal_user" in LiteLLM, none in the store',
        ],
      ],
    },
    {
      edits: [{ edit: 'changeModels', teamId, models: ['gpt-4'] }],
      rows: [[`differs team ${id}`, 'models ["gpt-4"] in LiteLLM, ["gpt-4","gpt-3.5-turbo"] in the store']],
    },
    {
      edits: [{ edit: 'changeOrganizationRole', organizationId, userId: person, role: 'org_admin' }],
      rows: [
        [
          `differs organization membership ${id} ${person}`,
          'role "org_admin" in LiteLLM, "internal_user" in the store',
        ],
      ],
    },
    {
      edits: [{ edit: 'changeAlias', teamId, alias: 'Ours' }],
      rows: [[`differs team ${id}`, `team_alias "Ours" in LiteLLM, "The ${id}" in the store`]],
    },
  ];
  return edits[kind % edits.length] ?? { edits: [], rows: [] };
}

describe('after ten random manual edits', () => {
  it('the table of --dry-run says for each edit what a sync does, or why it does nothing', async () => {
    await run([], settings());
    litellm.state.createUser({ userId: STRANGER });
    const drawn = fc.sample(fc.tuple(fc.nat(), fc.constantFrom(...PEOPLE)), { numRuns: 10, seed: 7 });
    const edited = drawn.map(([kind, person], index) => editOf(kind, GROUPS[index] ?? '', person));
    litellm.state.edit(...edited.flatMap(({ edits }) => edits));
    const rows = edited.flatMap((each) => each.rows);
    expect(new Set(drawn.map(([kind]) => kind % 7)).size).toBeGreaterThan(3);

    const ended = await run(['--dry-run'], settings());
    const said = ended.rows.map(
      ([action = '', what = '', id = '', person = '', detail = '']) =>
        `${`${action} ${what} ${id} ${person}`.trim()}: ${detail}`,
    );
    expect(said.sort()).toEqual(rows.map(([row, detail]) => `${row}: ${detail}`).sort());

    const applied = await run([], settings());
    expect(applied.code).toBe(0);
    // What remains belongs to LiteLLM's administrators.
    const left = rows.filter(([row]) => !row.startsWith('add')).map(([row]) => row);
    expect(linesOf(await run(['--dry-run'], settings()))).toEqual(left.sort());
  });
});

describe('the proxy', () => {
  let stateDir: string;
  beforeEach(async () => {
    stateDir = await mkdtemp(join(tmpdir(), 'sync-'));
    return async () => rm(stateDir, { recursive: true, force: true });
  });

  const writeStack = async (content: object): Promise<void> =>
    writeFile(
      join(stateDir, 'stack.json'),
      JSON.stringify({
        url: 'http://localhost:7071',
        functionKey: 'key',
        storageConnectionString: azurite.connectionString,
        ...content,
      }),
    );

  it("is the local stack's if the storage is the local stack's", async () => {
    await writeStack({ litellm: { baseUrl: litellm.url, apiKey: litellm.masterKey } });
    const ended = await run(['--dry-run'], { LOCAL_STATE_DIR: stateDir });
    expect(ended.output).toContain(`Compares: ${litellm.url}`);
    expect(ended.code).toBe(0);
  });

  it.each([
    ['a stack without one', {}, /Which proxy\?/],
    ['an address without TLS', { LITELLM_BASE_URL: 'http://proxy.company.com' }, /LITELLM_BASE_URL/],
    ['half of the settings', { LITELLM_BASE_URL: 'https://proxy.company.com' }, /LITELLM_API_KEY/],
  ])('is asked for if the settings have %s', async (_, given, expected) => {
    await writeStack({});
    const ended = await run(['--dry-run'], { LOCAL_STATE_DIR: stateDir, ...given });
    expect(ended.output).toMatch(expected);
    expect(ended.code).toBe(1);
  });

  it('must accept the key, or the command concludes nothing', async () => {
    const ended = await run([], { ...settings(), LITELLM_API_KEY: 'sk-wrong' });
    expect(ended.output).toContain('(litellm_key_refused)');
    expect(ended.output).not.toContain('sk-wrong');
    expect([ended.code, ended.rows]).toEqual([1, []]);
  });
});

describe('a failure', () => {
  it('for unknown arguments prints the help', async () => {
    const ended = await run(['everything'], settings());
    expect(ended.output).toContain('npm run sync -- --dry-run');
    expect(ended.code).toBe(2);
  });

  it('of one sync is printed, and the others are done', async () => {
    await run([], settings());
    litellm.state.edit(
      { edit: 'removeTeamMember', teamId: 'group-1', userId: 'person-1' },
      { edit: 'deleteTeam', teamId: 'group-5' },
    );
    const key = { partitionKey: 'organization:group-2', rowKey: 'entity' };
    await tables.write(TABLES.syncedEntities, { kind: 'merge', key, properties: { since: 5 }, etag: '*' });
    const ended = await run([], settings());
    expect(ended.output).toContain('failed   user person-1: row_unreadable');
    expect(ended.output).toContain('synced   team group-5');
    expect(ended.output).toContain('Synced 1; 0 waiting, 3 failed.');
    expect(ended.code).toBe(1);
  });
});
