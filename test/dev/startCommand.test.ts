import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
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
const children: ChildProcess[] = [];

beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'start-'));
});

afterEach(async () => {
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
  test('refuses options that it does not support', async () => {
    const args = ['dev/stack/startFunc.ts', '--reset', '--state-dir', stateDir, '--directory=people.json'];
    const child = spawn(process.execPath, args, { cwd: repository, stdio: ['ignore', 'ignore', 'pipe'] });
    children.push(child);
    let text = '';
    child.stderr.on('data', (chunk: unknown) => {
      text += String(chunk);
    });
    const code = await new Promise((exit) => {
      child.once('close', exit);
    });
    expect(code).toBe(1);
    expect(text).toContain('start:func does not support --reset, --state-dir, --directory');
  });
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

  test('lists unknown arguments', async () => {
    const command = start('--speed=high', '--ENTRA_X=1', '--PUBLIC_URL=http://localhost:1');
    expect(await command.exit).toBe(1);
    expect(command.output()).toContain('Unknown: --speed=high --ENTRA_X=1.');
  });
});
