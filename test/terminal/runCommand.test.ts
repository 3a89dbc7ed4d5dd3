/** Every command as a process of its own: its help, and what it says about arguments that it does not know. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppError } from '../../shared/model/errors.ts';
import { CommandError } from '../../terminal/commandError.ts';
import { loopbackDirect } from '../../terminal/loopbackDirect.ts';
import { escapeForTerminal } from '../../terminal/print.ts';
import { describeFailure } from '../../terminal/runCommand.ts';

const root = resolve(import.meta.dirname, '../..');
let dir: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'command-'));
});

afterAll(async () => {
  await rm(dir, { recursive: true });
});

async function run(
  script: string,
  ...args: readonly string[]
): Promise<{ readonly code: number | null; readonly output: string }> {
  const child = spawn(process.execPath, [script, ...args], {
    cwd: root,
    env: { PATH: process.env['PATH'] ?? '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: unknown) => {
      output += String(chunk);
    });
  }
  const code = await new Promise<number | null>((ended) => void child.once('close', ended));
  return { code, output };
}

const commands = [
  'cli/rows.ts',
  'cli/sync.ts',
  'cli/redrive.ts',
  'dev/litellm/main.ts',
  'dev/litellm/contract/main.ts',
  'dev/stack/start.ts',
  'dev/stack/startFunc.ts',
  'dev/build/build.ts',
  'dev/build/package.ts',
  'test/bench/main.ts',
];

describe('every command', () => {
  it.each(commands)('has a help and lists unknown arguments: %s', { timeout: 60_000 }, async (script) => {
    const help = await run(script, '--frobnicate', '--help');
    expect(help.code).toBe(0);
    expect(help.output).toMatch(/^npm (?:run|start)/);
    const refused = await run(script, '--frobnicate=1');
    expect(refused.output).toContain('Unknown: --frobnicate=1.');
    expect(refused.output).not.toContain('    at ');
    expect(refused.code).toBeGreaterThan(0);
  });

  it.each(['cli/rows.ts', 'cli/sync.ts', 'cli/redrive.ts'])(
    'says in one sentence which storage is missing: %s',
    async (script) => {
      const none = await run(script, '--state-dir', dir);
      expect(none).toEqual({
        code: 1,
        output: `No local stack runs in ${dir}. Start it: npm start -- --state-dir ${dir}\n`,
      });
      expect((await run(script, '--state-dir', dir, '--account', 'mine')).output).toContain('not both');
      expect((await run(script, '--account', 'evil.example/x')).output).toContain(
        'needs the name of a storage',
      );
    },
  );

  it('names the file of a stack that is cut off, and ignores that of a process that has ended', async () => {
    await writeFile(join(dir, 'stack.json'), '{"storageConnectionStr');
    expect((await run('cli/rows.ts', '--state-dir', dir)).output).toContain(
      `The file ${join(dir, 'stack.json')} cannot be read.`,
    );
    const stale = { storageConnectionString: 'UseDevelopmentStorage=true', pid: 2 ** 30 };
    await writeFile(join(dir, 'stack.json'), JSON.stringify(stale));
    expect((await run('cli/rows.ts', '--state-dir', dir)).output).toContain('No local stack runs');
    await rm(join(dir, 'stack.json'));
  });

  it.each([
    ['cli/rows.ts', ['NoTable'], 'Unknown table: NoTable.'],
    ['cli/rows.ts', ['SessionKeys'], 'Unknown table: SessionKeys.'],
    ['cli/redrive.ts', ['--queue', 'other'], '--queue is provision or litellm-sync'],
    ['cli/redrive.ts', ['id', '--all'], 'An id stands alone'],
    ['dev/litellm/main.ts', ['--version', '0'], '--version: The version is one of'],
    ['dev/litellm/main.ts', ['--port', 'x'], '--port: A number'],
    ['dev/litellm/main.ts', ['--default-team-params', '{'], '--default-team-params is not JSON'],
    ['test/bench/main.ts', ['--people', 'many'], '--people needs a whole number'],
    [
      'dev/stack/start.ts',
      ['--directory', '/nowhere/people.json'],
      'The file /nowhere/people.json does not exist.',
    ],
  ])('refuses values that it cannot use: %s %j', async (script, args, message) => {
    const { code, output } = await run(script, ...args);
    expect(output).toContain(message);
    expect(output).not.toContain('    at ');
    expect(code).toBeGreaterThan(0);
  });
});

describe('a failure', () => {
  it.each([
    [new CommandError('Say this.'), 'Say this.'],
    [
      new AppError('storage_unavailable', 'Storage did not answer.'),
      'Storage did not answer. (storage_unavailable)',
    ],
    [Object.assign(new Error('open: EACCES\nmore'), { code: 'EACCES' }), 'open: EACCES'],
    [
      new TypeError('fetch failed', { cause: Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }) }),
      'The request failed: connect (ECONNREFUSED)',
    ],
    ['text', 'text'],
  ])('is a plain sentence', (error, text) => {
    expect(describeFailure(error)).toBe(text);
  });

  it('keeps its stack trace if it is a fault of the command', () => {
    expect(describeFailure(new TypeError('x is not a function'))).toContain('    at ');
  });
});

describe('the terminal', () => {
  it('gets no character that it would obey', () => {
    expect(escapeForTerminal('a\u001B[2J\u202Eb\tc\nd\u009B\r')).toBe(
      'a\\u001b[2J\\u202eb\tc\nd\\u009b\\u000d',
    );
  });
});

describe('loopbackDirect', () => {
  it('keeps what the environment names, and adds every name of this machine', () => {
    expect(loopbackDirect({ NO_PROXY: 'a.example, localhost', no_proxy: '.b' })).toEqual({
      NO_PROXY: 'a.example,localhost,.b,127.0.0.1,::1,[::1]',
      no_proxy: 'a.example,localhost,.b,127.0.0.1,::1,[::1]',
    });
  });

  it('is what the bootstrap script sets for every command', async () => {
    const print = join(dir, 'print.mjs');
    await writeFile(print, 'console.log(JSON.stringify([process.env.NO_PROXY, process.env.no_proxy]))');
    const { output } = await run('dev/bootstrap.mjs', print);
    const { NO_PROXY, no_proxy } = loopbackDirect({});
    expect(JSON.parse(output)).toEqual([NO_PROXY, no_proxy]);
  });
});
