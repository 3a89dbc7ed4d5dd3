/** `npm run rows` and `npm run redrive` as processes of their own, on a real Azurite, found through a state folder. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createStorage } from '../../dev/stack/createStorage.ts';
import { FailureStore } from '../../shared/storage/failureStore.ts';
import { createAzureTables } from '../../shared/storage/tables/azureTables.ts';
import { TABLES } from '../../shared/storage/tables/tableNames.ts';
import { type Azurite, startAzurite } from '../support/azurite.ts';

vi.setConfig({ testTimeout: 60_000 });

const root = resolve(import.meta.dirname, '../..');
let azurite: Azurite;
let stateDir: string;

async function run(script: string, ...args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [`cli/${script}.ts`, '--state-dir', stateDir, ...args], {
    cwd: root,
    // The folder wins over the environment.
    env: { PATH: process.env['PATH'] ?? '', AzureWebJobsStorage: 'not a connection string' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: unknown) => {
      output += String(chunk);
    });
  }
  await new Promise((ended) => void child.once('close', ended));
  return output;
}

beforeAll(async () => {
  azurite = await startAzurite();
  stateDir = await mkdtemp(join(tmpdir(), 'filters-'));
  const { connectionString } = azurite;
  await createStorage(connectionString);
  await writeFile(
    join(stateDir, 'stack.json'),
    JSON.stringify({ storageConnectionString: connectionString }),
  );
  const tables = createAzureTables({ connection: { kind: 'connectionString', connectionString } });
  for (const [id, name] of [
    ['team-1', 'Evil \u202E\u001B[2J'],
    ['team-2', 'Plain'],
  ] as const) {
    const key = { partitionKey: 'p1', rowKey: id };
    await tables.write(TABLES.teams, { kind: 'create', key, properties: { team_alias: name } });
  }
  for (const [queue, userId, reason] of [
    ['provision', 'alice', 'snapshot_missing'],
    ['provision', 'bob', 'unexpected'],
    ['litellm-sync', 'alice', 'litellm_refused'],
  ] as const) {
    await new FailureStore(tables, queue).keep({
      id: `${queue}-${userId}`,
      text: '{}',
      failedAt: '2026-12-01T00:00:00.000Z',
      reason,
      authentic: true,
      userId,
    });
  }
});

afterAll(async () => {
  await azurite?.stop();
  await rm(stateDir, { recursive: true, force: true });
});

describe('npm run rows', () => {
  it('shows the chosen table and id, with nothing that a terminal would obey', async () => {
    const output = await run('rows', 'litellmteamtable', '--id', 'team-1');
    expect(output).toContain('LiteLLMTeamTable: 1 row\n');
    expect(output).toContain(String.raw`"team_alias":"Evil \u202e\u001b[2J"`);
    expect(output).not.toContain('team-2');
  });

  it('shows the five tables without a name', async () => {
    const output = await run('rows');
    expect(output.match(/^LiteLLM\w+: \d+ rows?$/gm)).toHaveLength(5);
    expect(output).toContain('LiteLLMTeamTable: 2 rows');
  });
});

describe('npm run redrive', () => {
  it.each([
    [[], ['provision-alice', 'provision-bob', 'litellm-sync-alice']],
    [
      ['--user', 'alice'],
      ['provision-alice', 'litellm-sync-alice'],
    ],
    [['--queue=provision'], ['provision-alice', 'provision-bob']],
    [['--reason', 'unexpected'], ['provision-bob']],
    [['--queue', 'litellm-sync', '--user', 'bob'], []],
  ])('lists only what is asked for: %j', async (args, ids) => {
    const output = await run('redrive', ...args);
    const all = ['provision-alice', 'provision-bob', 'litellm-sync-alice'];
    expect(all.filter((id) => output.includes(`'${id}'`))).toEqual(ids);
    expect(output.includes('No such message has failed.')).toBe(ids.length === 0);
  });
});
