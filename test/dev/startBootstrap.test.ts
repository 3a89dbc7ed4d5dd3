import { spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const repository = resolve(import.meta.dirname, '../..');

/** A replacement for npm. It records the call and changes node_modules as `npm ci` does, or fails halfway. */
const npmDouble = `
import { appendFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
appendFileSync('calls.txt', process.argv.slice(2).join(' ') + '\\n');
rmSync('node_modules', { recursive: true, force: true });
mkdirSync('node_modules/.bin', { recursive: true });
if (existsSync('fail')) process.exit(7);
writeFileSync('node_modules/.bin/greet', '#!/bin/sh\\necho "greetings $1"\\nexit 5\\n', { mode: 0o755 });
`;

const command = `
if (process.argv[2] === 'wait') {
  process.on('SIGTERM', () => { console.log('told to end'); process.exit(3); });
  setInterval(() => undefined, 1000);
}
console.log(JSON.stringify({ args: process.argv.slice(2), path: process.env.PATH.split(':')[0] }));
`;

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'bootstrap-'));
  await mkdir(join(dir, 'dev'));
  await cp(join(repository, 'dev/bootstrap.mjs'), join(dir, 'dev/bootstrap.mjs'));
  await writeFile(join(dir, 'npm-cli.mjs'), npmDouble);
  await writeFile(join(dir, 'command.mjs'), command);
  await writeFile(
    join(dir, 'package-lock.json'),
    '{"packages":{"":{},"node_modules/a":{"version":"1.0.0"}}}',
  );
});

afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

function start(...args: readonly string[]): ReturnType<typeof spawn> {
  return spawn(process.execPath, ['dev/bootstrap.mjs', ...args], {
    cwd: dir,
    env: { PATH: process.env['PATH'] ?? '', npm_execpath: join(dir, 'npm-cli.mjs') },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

async function run(...args: readonly string[]): Promise<{ code: unknown; stdout: string; stderr: string }> {
  const child = start(...args);
  const output = { stdout: '', stderr: '' };
  child.stdout?.on('data', (chunk) => (output.stdout += String(chunk)));
  child.stderr?.on('data', (chunk) => (output.stderr += String(chunk)));
  return { code: await readExitCode(child), ...output };
}

async function readExitCode(child: ReturnType<typeof spawn>): Promise<number | null> {
  return new Promise((resolveCode) => {
    child.once('close', resolveCode);
  });
}

async function readCalls(): Promise<string[]> {
  return (await readFile(join(dir, 'calls.txt'), 'utf8').catch(() => '')).split('\n').filter(Boolean);
}

describe('bootstrap', () => {
  test('installs once, runs the script with its arguments and returns its exit code', async () => {
    const first = await run('command.mjs', '--flag=false', 'two words');
    const second = await run('command.mjs');
    expect(first.code).toBe(0);
    expect(JSON.parse(first.stdout)).toEqual({
      args: ['--flag=false', 'two words'],
      path: join(dir, 'node_modules/.bin'),
    });
    expect(first.stderr).toContain('Installing the locked packages');
    expect(second.stderr).toBe('');
    expect(await readCalls()).toEqual(['ci --no-audit --no-fund --loglevel=error']);
  });

  test('installs again if the lock file has changed', async () => {
    await run('command.mjs');
    await writeFile(
      join(dir, 'package-lock.json'),
      '{"packages":{"":{},"node_modules/a":{"version":"2.0.0"}}}',
    );
    await run('command.mjs');
    expect(await readCalls()).toHaveLength(2);
  });

  test('starts nothing after a failed install, and repeats it the next time', async () => {
    await run('command.mjs');
    await writeFile(join(dir, 'package-lock.json'), '{"packages":{}}');
    await writeFile(join(dir, 'fail'), '');
    const failed = await run('command.mjs');
    await rm(join(dir, 'fail'));
    const repeated = await run('command.mjs');
    expect(failed).toMatchObject({ code: 7, stdout: '' });
    expect(failed.stderr).toContain('npm ci ended with 7');
    expect(repeated.code).toBe(0);
    expect(await readCalls()).toHaveLength(3);
  });

  test.each([
    ['does not install what npm itself installed from the same lock', '1.0.0', 0],
    ['installs where npm itself installed another version', '0.9.0', 1],
  ])('%s', async (_name, version, calls) => {
    await mkdir(join(dir, 'node_modules'));
    await writeFile(
      join(dir, 'node_modules/.package-lock.json'),
      JSON.stringify({ packages: { 'node_modules/a': { version } } }),
    );
    await run('command.mjs');
    expect(await readCalls()).toHaveLength(calls);
  });

  test('runs a command of node_modules/.bin after --', async () => {
    expect(await run('--', 'greet', 'you')).toMatchObject({ code: 5, stdout: 'greetings you\n' });
  });

  test('forwards a signal and returns the exit code of the command', async () => {
    const child = start('command.mjs', 'wait');
    let stdout = '';
    await new Promise<void>((resolveReady) => {
      child.stdout?.on('data', (chunk) => {
        stdout += String(chunk);
        if (stdout.includes('wait')) {
          resolveReady();
        }
      });
    });
    child.kill('SIGTERM');
    expect(await readExitCode(child)).toBe(3);
    expect(stdout).toContain('told to end');
  });
});
