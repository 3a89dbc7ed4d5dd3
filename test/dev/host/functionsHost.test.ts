import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { QueueServiceClient } from '@azure/storage-queue';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { buildApp } from '../../../dev/build/build.ts';
import { type HostProcess, startHostProcess } from '../../../dev/host/hostProcess.ts';
import { type Azurite, startAzurite } from '../../../dev/stack/azurite.ts';

const anyString: unknown = expect.any(String);
const fixtures = join(import.meta.dirname, 'fixtures');

let dir: string;
let azurite: Azurite;
let host: HostProcess;
let queues: QueueServiceClient;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'functions-host-'));
  const [started] = await Promise.all([
    startAzurite(),
    buildApp({
      outdir: join(dir, 'app'),
      functionsDir: join(fixtures, 'functions'),
      hostJsonFile: join(fixtures, 'host.json'),
    }),
  ]);
  azurite = started;
  queues = QueueServiceClient.fromConnectionString(azurite.connectionString);
  await Promise.all(
    ['work', 'work-poison', 'copies'].map(async (name) => queues.getQueueClient(name).create()),
  );
  host = await startHost();
});

afterAll(async () => {
  await host?.stop();
  await azurite?.stop();
  await rm(dir, { recursive: true, force: true });
});

async function startHost(env: Record<string, string> = {}): Promise<HostProcess> {
  return startHostProcess({
    appDir: join(dir, 'app'),
    stateDir: join(dir, 'state'),
    env: {
      AzureWebJobsStorage: azurite.connectionString,
      AzureWebJobsDisableHomepage: 'true',
      'AzureWebJobs.turnedOff.Disabled': 'true',
      COPIES_QUEUE: 'copies',
      ...env,
    },
  });
}

/** Waits for log lines that contain the text. Throws an Error with the whole log after 8 s. */
async function waitForLines(text: string, count = 1, source: HostProcess = host): Promise<readonly string[]> {
  const endMs = performance.now() + 8_000;
  for (;;) {
    const lines = source.logs().filter((line) => line.includes(text));
    if (lines.length >= count) {
      return lines;
    }
    if (performance.now() > endMs) {
      throw new Error(
        `"${text}" was logged ${lines.length} times, not ${count}:\n${source.logs().join('\n')}`,
      );
    }
    await new Promise((resolve) => {
      setTimeout(resolve, 25);
    });
  }
}

async function send(queueName: string, text: string, encode = true): Promise<void> {
  await queues.getQueueClient(queueName).sendMessage(encode ? Buffer.from(text).toString('base64') : text);
}

async function drainQueue(queueName: string): Promise<string[]> {
  const endMs = performance.now() + 8_000;
  for (;;) {
    const { receivedMessageItems } = await queues.getQueueClient(queueName).receiveMessages();
    if (receivedMessageItems.length > 0 || performance.now() > endMs) {
      return receivedMessageItems.map((item) => item.messageText);
    }
    await new Promise((resolve) => {
      setTimeout(resolve, 50);
    });
  }
}

describe('routes', () => {
  test.each([
    {
      name: 'serves "/" to the function with that route',
      method: 'GET',
      path: '/',
      status: 200,
      body: 'home',
    },
    {
      name: 'uses the function’s name as the default route',
      method: 'GET',
      path: '/unrouted',
      status: 200,
      body: 'by name',
    },
    { name: 'matches literals in any case', method: 'GET', path: '/UNROUTED/', status: 200, body: 'by name' },
    {
      name: 'prefers the function whose name comes first in the alphabet',
      method: 'GET',
      path: '/echo/8/literal',
      status: 200,
      body: 'the literal route',
    },
    { name: 'answers 404 to an unknown path', method: 'GET', path: '/unknown', status: 404, body: '' },
    {
      name: 'answers 404 to a path that breaks a constraint',
      method: 'GET',
      path: '/echo/seven',
      status: 404,
      body: '',
    },
    {
      name: 'answers 404 to a wrong method, as Azure does',
      method: 'DELETE',
      path: '/unrouted',
      status: 404,
      body: '',
    },
    { name: 'answers 404 for a disabled function', method: 'GET', path: '/turnedOff', status: 404, body: '' },
    {
      name: 'answers 204 if the function returns nothing',
      method: 'GET',
      path: '/nothing',
      status: 204,
      body: '',
    },
    {
      name: 'answers 500 without a body if the function throws',
      method: 'GET',
      path: '/throws',
      status: 500,
      body: '',
    },
    {
      name: 'answers 500 if the function’s answer is not valid HTTP',
      method: 'GET',
      path: '/badHeader',
      status: 500,
      body: '',
    },
  ])('$name', async ({ method, path, status, body }) => {
    const response = await fetch(`${host.url}${path}`, { method });
    expect(response.status).toBe(status);
    expect(await response.text()).toBe(body);
  });

  test.each([
    { homepage: 'enabled', disableHomepage: 'false', status: 200, body: 'The host answers "/" itself' },
    { homepage: 'disabled', disableHomepage: 'true', status: 204, body: '' },
  ])('leave "/" to the function that has it, else to the host, whose page is $homepage', async (given) => {
    const setting = { AzureWebJobsDisableHomepage: given.disableHomepage };
    const [usual, withoutFunction] = await Promise.all([
      startHost(setting),
      startHost({ ...setting, 'AzureWebJobs.home.Disabled': 'true' }),
    ]);
    const answers = await Promise.all([fetch(usual.url), fetch(withoutFunction.url)]);
    const [ours, itsOwn] = await Promise.all(answers.map(async (answer) => answer.text()));
    await Promise.all([usual.stop(), withoutFunction.stop()]);
    expect(answers.map(({ status }) => status)).toEqual([200, given.status]);
    expect(ours).toBe('home');
    expect(itsOwn?.startsWith(given.body)).toBe(true);
  });
});

/** Measured with Kestrel and the routing of Azure's host (Microsoft.Azure.WebJobs.Extensions.Http 3.2.0, .NET 10). */
describe('a request line', () => {
  /** Sends the text as it is, and returns the status and the body. */
  async function sendRaw(text: string): Promise<{ readonly status: number; readonly body: string }> {
    const { hostname, port } = new URL(host.url);
    const answer = await new Promise<string>((resolve, reject) => {
      let received = '';
      const socket = connect({ host: hostname, port: Number(port) }, () => socket.write(text, 'latin1'));
      socket.on('data', (chunk) => {
        received += chunk.toString('latin1');
      });
      socket.on('end', () => resolve(received));
      socket.on('error', reject);
    });
    const [head = '', body = ''] = answer.split('\r\n\r\n');
    return { status: Number(head.split(' ')[1]), body };
  }

  const headers = 'Host: localhost\r\nConnection: close\r\n\r\n';

  test.each(['//', '///', '//unrouted', '/unrouted//', '/echo//7', '//evil.example/unrouted'])(
    'with an empty segment reaches no function: %s',
    async (path) => {
      expect(await sendRaw(`GET ${path} HTTP/1.1\r\n${headers}`)).toEqual({ status: 404, body: '' });
    },
  );

  test.each([
    [8190, 200],
    [8191, 414],
    [20_000, 414],
  ])('of %i bytes is answered with %i', async (length, status) => {
    const [start, end] = ['GET /unrouted?x=', ' HTTP/1.1'];
    const line = `${start}${'a'.repeat(length - start.length - end.length)}${end}`;
    expect(await sendRaw(`${line}\r\n${headers}`)).toMatchObject({ status });
  });

  test('of HTTP/1.0 without a Host header reaches the function, with an address that has no host', async () => {
    const { status, body } = await sendRaw('GET /echo/1?x=2 HTTP/1.0\r\n\r\n');
    expect(status).toBe(200);
    // The library reads `http:///echo/1?x=2`, as the real host sends it, by the rules of browsers.
    expect(JSON.parse(body)).toMatchObject({
      url: 'http://echo/1?x=2',
      params: { id: '1' },
      query: { x: '2' },
    });
  });

  test('of HTTP/1.0 with a Host header is like any other', async () => {
    const { status, body } = await sendRaw('GET /echo/1 HTTP/1.0\r\nHost: localhost:99\r\n\r\n');
    expect(status).toBe(200);
    expect(JSON.parse(body)).toMatchObject({ url: 'http://localhost:99/echo/1' });
  });

  test('of HTTP/1.1 without a Host header is refused', async () => {
    expect(await sendRaw('GET /unrouted HTTP/1.1\r\nConnection: close\r\n\r\n')).toMatchObject({
      status: 400,
    });
  });
});

describe('requests', () => {
  test('reach the function with url, parameters, joined duplicate query keys, headers and body', async () => {
    const response = await fetch(`${host.url}/echo/42/a%20b?x=1&y=&X=2&x=3`, {
      method: 'POST',
      headers: { cookie: 'a=1; b=2', 'x-twice': 'one,two' },
      body: 'hello',
    });
    expect(await response.json()).toMatchObject({
      url: `${host.url}/echo/42/a%20b?x=1&y=&X=2&x=3`,
      method: 'POST',
      params: { id: '42', tail: 'a b' },
      query: { x: '1,2,3', y: '' },
      cookie: 'a=1; b=2',
      joined: 'one,two',
      body: 'hello',
      retry: null,
      metadata: null,
    });
  });

  test('lack an absent optional parameter', async () => {
    const response = await fetch(`${host.url}/echo/1`);
    expect(await response.json()).toMatchObject({ params: { id: '1' }, query: {}, body: '' });
  });

  test('lose a body without Content-Length, as in Azure without HTTP streams', async () => {
    const body = await new Promise<string>((resolve, reject) => {
      const outgoing = httpRequest(`${host.url}/echo/1`, { method: 'POST' }, (incoming) => {
        let text = '';
        incoming.on('data', (chunk) => {
          text += String(chunk);
        });
        incoming.on('end', () => resolve(text));
      });
      outgoing.on('error', reject);
      outgoing.write('chunked');
      outgoing.end();
    });
    expect(JSON.parse(body)).toMatchObject({ method: 'POST', body: '' });
  });

  test("continue the caller's trace with a new span, or begin a new trace", async () => {
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    const continued = await fetch(`${host.url}/echo/1`, {
      headers: { traceparent: `00-${traceId}-00f067aa0ba902b7-01`, tracestate: 'a=b' },
    });
    const created = await fetch(`${host.url}/echo/1`);
    const traceParent = matching(`^00-${traceId}-(?!00f067aa0ba902b7)`);
    expect(await continued.json()).toMatchObject({ trace: { traceParent, traceState: 'a=b' } });
    expect(await created.json()).toMatchObject({
      trace: { traceParent: matching('^00-[0-9a-f]{32}-[0-9a-f]{16}-01$') },
    });
  });
});

describe('answers', () => {
  test('have a Set-Cookie header for every cookie', async () => {
    const response = await fetch(`${host.url}/cookies`, { redirect: 'manual' });
    expect(response.status).toBe(302);
    expect(response.headers.get('location')).toBe('/elsewhere');
    expect(response.headers.getSetCookie()).toEqual([
      '__Host-one=a%20b; max-age=600; path=/; secure; samesite=lax; httponly',
      'two=v.1-_~; expires=Wed, 02 Jan 2030 03:04:05 GMT; path=/; samesite=none',
    ]);
  });

  test('lose all but the last Set-Cookie header, as in Azure', async () => {
    const response = await fetch(`${host.url}/headerCookies`);
    expect(response.headers.getSetCookie()).toEqual(['second=2']);
  });

  test('are logged as one line with level and function if they fail', async () => {
    await fetch(`${host.url}/throws`);
    const [line] = await waitForLines('deliberate\\nsecond line');
    expect(line).toMatch(/^\d{4}-\d\d-\d\dT\S+Z error throws /);
    await waitForLines(' information console about to throw');
  });
});

describe('keys', () => {
  test.each(['/guarded', '/adminOnly'])('are needed to call %s', async (path) => {
    const withHeader = { headers: { 'x-functions-key': host.functionKey } };
    expect((await fetch(`${host.url}${path}`)).status).toBe(401);
    expect((await fetch(`${host.url}${path}?code=wrong`)).status).toBe(401);
    expect((await fetch(`${host.url}${path}?code=${host.functionKey}`)).status).toBe(200);
    expect((await fetch(`${host.url}${path}`, withHeader)).status).toBe(200);
  });

  test('stay the same between starts, or come from the settings', async () => {
    const other = await startHost();
    const settled = await startHost({ LOCAL_FUNCTION_KEY: 'chosen' });
    await Promise.all([other.stop(), settled.stop()]);
    expect(other.functionKey).toBe(host.functionKey);
    expect(settled.functionKey).toBe('chosen');
  });
});

describe('queues', () => {
  test('pass JSON on as an object, and text as text, with metadata', async () => {
    const id = randomUUID();
    await send('work', JSON.stringify({ id, nested: [1] }));
    await send('work', `text ${id}`);
    const [first, second] = (await waitForLines(id, 2)).map(readWork);
    const seen = first?.type === 'object' ? [first, second] : [second, first];
    expect(seen[0]).toMatchObject({ type: 'object', entry: { id, nested: [1] } });
    expect(seen[1]).toMatchObject({ type: 'string', entry: `text ${id}` });
    expect(seen[1]?.metadata).toMatchObject({
      dequeueCount: 1,
      id: anyString,
      popReceipt: anyString,
      insertionTime: matching(String.raw`^\d{4}-.*\+00:00$`),
      expirationTime: matching(String.raw`^\d{4}-`),
      nextVisibleTime: matching(String.raw`^\d{4}-`),
    });
  });

  test('run a failing message maxDequeueCount times, then move the same body to the poison queue', async () => {
    await send('work', 'fail');
    const [poisoned] = await drainQueue('work-poison');
    expect(poisoned).toBe(Buffer.from('fail').toString('base64'));
    const attempts = host
      .logs()
      .filter((line) => line.includes('"entry":"fail"'))
      .map(readWork);
    expect(attempts.map((attempt) => attempt.metadata['dequeueCount'])).toEqual([1, 2, 3]);
    await waitForLines('attempt 3: moved to the poison queue');
  });

  test('never pass on a message that is not base64, and continue', async () => {
    await send('work', 'not base64!', false);
    const id = randomUUID();
    await send('work', id);
    const [poisoned] = await drainQueue('work-poison');
    expect(poisoned).toBe('not base64!');
    await waitForLines(id);
    expect(host.logs().some((line) => line.includes('not base64!"'))).toBe(false);
  });

  test('take a new batch only when few are running, and never more than batch and threshold together', async () => {
    const id = randomUUID();
    await Promise.all(Array.from({ length: 14 }, async (_value, index) => send('work', `${id} ${index}`)));
    const runs = (await waitForLines(id, 14)).map(readWork);
    const most = Math.max(...runs.map((run) => run.running));
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(6);
  });

  test('follow the overrides of host.json in the settings', async () => {
    await queues.getQueueClient('other').create();
    await queues.getQueueClient('other-poison').create();
    const other = await startHost({
      COPIES_QUEUE: 'other',
      AzureFunctionsJobHost__extensions__queues__messageEncoding: 'none',
    });
    await send('other', 'plain', false);
    const lines = await waitForLines('copy "plain"', 1, other);
    await other.stop();
    expect(lines).toHaveLength(1);
  });
});

describe('timers', () => {
  test('run at start if the function says so, with schedule and status', async () => {
    const [line = ''] = await waitForLines('timer {');
    expect(JSON.parse(line.slice(line.indexOf('{')))).toMatchObject({
      isPastDue: false,
      schedule: { adjustForDST: true },
      scheduleStatus: { next: matching(String.raw`-01-01T03:00:00\.000Z$`) },
    });
  });

  test('never run twice at the same time', async () => {
    await waitForLines('tock', 2);
    const steps = host.logs().flatMap((line) => /everySecond (tick|tock)$/.exec(line)?.[1] ?? []);
    expect(steps.slice(0, 4)).toEqual(['tick', 'tock', 'tick', 'tock']);
  });

  test('start at once with the admin address, but not for a web page', async () => {
    const before = host.logs().filter((line) => line.includes('timer {')).length;
    const url = `${host.url}/admin/functions/atStart`;
    const fromPage = await fetch(url, { method: 'POST', headers: { origin: 'https://example.com' } });
    expect(fromPage.status).toBe(403);
    expect((await fetch(url, { method: 'POST' })).status).toBe(202);
    await waitForLines('timer {', before + 1);
    expect((await fetch(`${host.url}/admin/functions/home`, { method: 'POST' })).status).toBe(404);
    expect((await fetch(url, { method: 'POST', body: '{' })).status).toBe(400);
  });
});

describe('hooks', () => {
  test('run in order around the handler, and may replace handler, result and error', async () => {
    const fine = await fetch(`${host.url}/hooked`);
    const failed = await fetch(`${host.url}/hooked?fail=1`);
    expect(await fine.text()).toBe('first second second(first(handler))');
    expect(await failed.text()).toBe('first second no body failed');
  });

  test('run at the start and at the end, which waits for running calls', async () => {
    const other = await startHost();
    expect(other.logs().some((line) => line.includes('hook appStart'))).toBe(true);
    const slow = fetch(`${other.url}/slow`).then(async (response) => response.text());
    await waitForLines('slow began', 1, other);
    await other.stop();
    expect(await slow).toBe('slow but done');
    expect(await other.exited).toBe('exit code 0');
    expect(other.logs().at(-1)).toContain('hook appTerminate after appStart');
  });
});

test('the ready line lists the functions', () => {
  expect(host.functions).toContainEqual({ name: 'home', trigger: 'http', detail: `GET ${host.url}/` });
  expect(host.functions).toContainEqual({ name: 'copies', trigger: 'queue', detail: 'copies' });
  expect(host.functions.some(({ name }) => name === 'turnedOff')).toBe(false);
});

test('the host does not start without a setting that a binding needs, and says which', async () => {
  await expect(
    startHostProcess({ appDir: join(dir, 'app'), env: { COPIES_QUEUE: 'copies' } }),
  ).rejects.toThrow('The app setting "AzureWebJobsStorage"');
});

const workSchema = z.object({
  type: z.string(),
  entry: z.unknown(),
  running: z.number(),
  metadata: z.record(z.string(), z.unknown()),
});

function readWork(line: string): z.infer<typeof workSchema> {
  return workSchema.parse(JSON.parse(line.slice(line.indexOf('{'))));
}

function matching(pattern: string): unknown {
  return expect.stringMatching(new RegExp(pattern));
}
