import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { isPortFree } from '../../dev/stack/freePort.ts';

const repository = resolve(import.meta.dirname, '../..');
const stackFileSchema = z.object({
  url: z.string(),
  identityUrl: z.string(),
  storageConnectionString: z.string(),
  pid: z.number(),
});

let stateDir: string;
/** The proxy of the environment; empty: none. */
let proxy = '';
const children: ChildProcess[] = [];

beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'start-'));
});

afterEach(async () => {
  proxy = '';
  for (const child of children.splice(0)) {
    child.kill('SIGKILL');
  }
  await rm(stateDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
});

interface Command {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly exit: Promise<number | null>;
}

function start(...args: readonly string[]): Command {
  const child = spawn(process.execPath, ['dev/stack/start.ts', '--state-dir', stateDir, ...args], {
    cwd: repository,
    // The bootstrap script of the tests has set NO_PROXY already.
    env: {
      ...process.env,
      NO_PROXY: '',
      no_proxy: '',
      HTTP_PROXY: proxy,
      http_proxy: proxy,
      NODE_USE_ENV_PROXY: proxy && '1',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  let text = '';
  const keep = (chunk: unknown): void => {
    text += String(chunk);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const exit = new Promise<number | null>((resolveExit) => {
    child.once('close', resolveExit);
  });
  return { child, output: () => text, exit };
}

async function waitForText(command: Command, text: string): Promise<void> {
  const endMs = performance.now() + 30_000;
  while (!command.output().includes(text)) {
    if (performance.now() > endMs || command.child.exitCode !== null) {
      throw new Error(`No "${text}" in:\n${command.output()}`);
    }
    await new Promise((wait) => {
      setTimeout(wait, 25);
    });
  }
}

describe('npm run start:func', () => {
  test.skipIf(process.platform === 'win32')(
    'starts func with storage that has blobs too, past any proxy, and stops everything after it',
    async () => {
      const bin = join(stateDir, 'bin');
      await mkdir(bin);
      const func =
        '#!/bin/sh\necho "args $*"\necho "proxy $NO_PROXY"\necho "storage $AzureWebJobsStorage"\ncat "$STACK"\n';
      await writeFile(join(bin, 'func'), func, { mode: 0o755 });
      const folder = join(stateDir, 'stack');
      const args = ['dev/stack/startFunc.ts', '--port', '7393', '--state-dir', folder, '--reset'];
      const child = spawn(process.execPath, args, {
        cwd: repository,
        env: {
          PATH: `${bin}:${process.env['PATH'] ?? ''}`,
          STACK: join(folder, 'stack.json'),
          HTTP_PROXY: 'http://127.0.0.1:9',
          NO_PROXY: 'example.com',
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      children.push(child);
      let text = '';
      for (const stream of [child.stdout, child.stderr]) {
        stream.on('data', (chunk: unknown) => {
          text += String(chunk);
        });
      }
      const code = await new Promise((exit) => {
        child.once('close', exit);
      });
      expect(text).toContain('args start --port 7393');
      expect(text).toMatch(/storage .*BlobEndpoint=http:\/\/127\.0\.0\.1:\d+\/devstoreaccount1/);
      expect(text).toContain('proxy example.com,localhost,127.0.0.1,::1,[::1]');
      expect(text).toContain('"url": "http://localhost:7393"');
      expect(code).toBe(0);
      await expect(readFile(join(folder, 'stack.json'))).rejects.toThrow('ENOENT');
      await expect(readFile(join(folder, 'lock'))).rejects.toThrow('ENOENT');
    },
  );
});

describe('npm start', () => {
  test('prints its addresses and who can sign in, refuses a second start, and stops on Ctrl-C', async () => {
    const first = start('--flag=false');
    await waitForText(first, 'Ctrl-C');
    const { url, pid } = stackFileSchema.parse(
      JSON.parse(await readFile(join(stateDir, 'stack.json'), 'utf8')),
    );
    expect(pid).toBe(first.child.pid);
    expect(first.output()).toContain(url);
    expect(first.output()).toContain('alice@company.com');
    // The first start syncs 500 entities. Successes go to host.log only, and the banner is the last thing on the screen.
    expect(first.output()).not.toContain('Executed (Succeeded');
    expect(first.output().trimEnd()).toMatch(/Stop {8}Ctrl-C$/);
    expect(await readFile(join(stateDir, 'host.log'), 'utf8')).toContain('Executed (Succeeded');
    expect(((await stat(join(stateDir, 'stack.json'))).mode & 0o777).toString(8)).toBe('600');
    expect((await fetch(`${url}/api/health`)).status).toBe(200);

    const second = start('--reset');
    expect(await second.exit).toBe(1);
    expect(second.output()).toContain(`already runs at ${url}`);
    expect((await stat(join(stateDir, 'azurite'))).isDirectory()).toBe(true);

    // npm and the terminal may both send the signal.
    first.child.kill('SIGINT');
    first.child.kill('SIGINT');
    expect(await first.exit).toBe(0);
    expect(first.output()).toContain('Stopped.');
    await expect(fetch(url)).rejects.toThrow('fetch failed');
    await expect(readFile(join(stateDir, 'stack.json'))).rejects.toThrow('ENOENT');
  });

  test('starts empty with --reset, and ends all its processes when it is killed', async () => {
    await writeFile(join(stateDir, 'lock'), JSON.stringify({ pid: process.pid, startedAt: 'long ago' }));
    await mkdir(join(stateDir, 'azurite'));
    await writeFile(join(stateDir, 'azurite', 'old'), '');
    const command = start('--reset');
    await waitForText(command, 'Ctrl-C');
    const running = stackFileSchema.parse(JSON.parse(await readFile(join(stateDir, 'stack.json'), 'utf8')));
    const queueUrl = /QueueEndpoint=([^;]+)/.exec(running.storageConnectionString)?.[1] ?? '';
    const ports = [running.url, running.identityUrl, queueUrl].map((url) => Number(new URL(url).port));
    await expect(stat(join(stateDir, 'azurite', 'old'))).rejects.toThrow('ENOENT');
    expect(await Promise.all(ports.map(isPortFree))).toEqual([false, false, false]);
    command.child.kill('SIGKILL');
    await expect
      .poll(async () => Promise.all(ports.map(isPortFree)), { timeout: 15_000 })
      .toEqual([true, true, true]);
  });

  test('does not start if the given port is in use', async () => {
    const server = createServer();
    const port = await new Promise<number>((ready) => {
      server.listen(0, '127.0.0.1', () => {
        const address = server.address();
        ready(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
    const command = start('--port', String(port));
    const exit = await command.exit;
    server.close();
    expect(exit).toBe(1);
    expect(command.output()).toContain(`Port ${port} is in use`);
  });

  test('does not reset a folder that contains anything else', async () => {
    await writeFile(join(stateDir, 'thesis.txt'), '');
    const command = start('--reset');
    expect(await command.exit).toBe(1);
    expect(command.output()).toContain('thesis.txt');
    expect((await stat(join(stateDir, 'thesis.txt'))).isFile()).toBe(true);
  });

  test('does not start with invalid settings, and says what is wrong with them', async () => {
    const command = start('--MEMBERSHIP_SYNC_MODE=foo', '--REMOVAL_LIMIT_PERCENT=101');
    expect(await command.exit).toBe(1);
    expect(command.output()).toMatch(
      /^2 settings are not valid:\n {2}MEMBERSHIP_SYNC_MODE: got "foo"; .*\n {2}REMOVAL_LIMIT_PERCENT: got "101"; .*\nNothing was started\.\n$/,
    );
    expect(await readdir(stateDir)).toEqual([]);
  });

  test('names a file that was cut off, and offers to begin afresh', async () => {
    await mkdir(join(stateDir, 'identity'));
    await writeFile(join(stateDir, 'identity', 'directory.json'), '{"tenantId":');
    const command = start();
    expect(await command.exit).toBe(1);
    expect(command.output()).toContain(
      `The file ${join(stateDir, 'identity', 'directory.json')} cannot be read`,
    );
    expect(command.output()).toContain('begin afresh with --reset');
    expect(command.output()).not.toContain('    at ');
  });

  test('reaches its own processes past a proxy, and says that a key on the command line is visible', async () => {
    proxy = 'http://127.0.0.1:9';
    const command = start('--LITELLM_BASE_URL=http://127.0.0.1:9', '--LITELLM_API_KEY=sk-visible');
    await waitForText(command, 'Ctrl-C');
    expect(command.output()).toContain('LITELLM_API_KEY is visible on the command line.');
    expect(command.output()).not.toContain('sk-visible');
    command.child.kill('SIGINT');
    expect(await command.exit).toBe(0);
  });

  test('lists unknown arguments', async () => {
    const command = start('--speed=high', '--ENTRA_X=1', '--PUBLIC_URL=http://localhost:1');
    expect(await command.exit).toBe(1);
    expect(command.output()).toContain('Unknown: --speed=high --ENTRA_X=1.');
  });
});
