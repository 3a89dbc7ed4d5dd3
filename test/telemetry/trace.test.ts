/** The whole product under a collector: what it exports, how spans are connected, and what it never exports. */
import { execFile } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { QueueClient } from '@azure/storage-queue';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sampleGroups } from '../../dev/identity/sampleDirectory.ts';
import { parkedListOf, ParkedSnapshots } from '../../shared/storage/parkedSnapshots.ts';
import { createAzureTables } from '../../shared/storage/tables/azureTables.ts';
import { TABLES } from '../../shared/storage/tables/tableNames.ts';
import { type ProvisionMessage, serializeProvisionMessage } from '../../shared/queue/queueMessage.ts';
import { METRICS } from '../../shared/telemetry/metrics.ts';
import { type E2eStack, startE2eStack } from '../support/e2eStack.ts';
import { Visitor } from '../support/e2eVisitor.ts';
import { sealOf } from '../support/messageSeals.ts';
import { waitUntil } from '../support/e2eWait.ts';
import { type OtlpReceiver, type ReceivedSpan, startOtlpReceiver } from './otlpReceiver.ts';
import { childrenOf, renderTree } from './spanTree.ts';

const KIND = { internal: 1, client: 3, producer: 4, consumer: 5 };

let receiver: OtlpReceiver;
let stack: E2eStack;
/** What must be nowhere in what is emitted, by what it is. */
const secrets = new Map<string, string>();

beforeAll(async () => {
  receiver = await startOtlpReceiver();
  stack = await startE2eStack({
    runTimers: false,
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      AzureFunctionsJobHost__extensions__queues__visibilityTimeout: '00:00:00',
      LOCAL_FUNCTION_KEY: 'function-key-of-this-test',
    },
  });
  await stack.control.setFaults({ graphPermissionMissing: true });
  // Before a list of groups is accepted: the message comes back after 15 s, while the other tests run.
  const early = await signIn('bob@company.com');
  await early.visitor.waitFor('waiting');
  await stack.control.clearFaults();
  await stack.runAssignedGroups();
  await waitForSpan((span) => span.name === 'assignedGroups');
});
afterAll(async () => {
  await stack?.close();
  await receiver?.close();
});

/** Signs in and remembers every secret that passes by. */
async function signIn(
  login: string,
  query: Readonly<Record<string, string>> = {},
): Promise<{ readonly visitor: Visitor; readonly status: number }> {
  const visitor = new Visitor(stack.url);
  const authorizeUrl = await visitor.startLogin({ login_hint: login, ...query });
  const callback = await visitor.goToMicrosoft(authorizeUrl);
  for (const url of [authorizeUrl, callback]) {
    for (const name of ['code', 'state', 'nonce', 'code_challenge']) {
      const value = new URL(url).searchParams.get(name);
      if (value !== null) secrets.set(`${name} of ${login}`, value);
    }
  }
  const answer = await visitor.request(callback);
  for (const { name, value } of answer.cookies) if (value !== '') secrets.set(`cookie ${name}`, value);
  for (const [name, value] of visitor.cookies) secrets.set(`cookie ${name} of ${login}`, value);
  return { visitor, status: answer.status };
}

async function waitForSpan(matches: (span: ReceivedSpan) => boolean): Promise<ReceivedSpan> {
  return waitUntil(
    () => receiver.spans().find(matches),
    () =>
      receiver
        .spans()
        .map((span) => span.name)
        .join('\n'),
  );
}

const traceOf = (span: ReceivedSpan): readonly ReceivedSpan[] =>
  receiver.spans().filter((each) => each.traceId === span.traceId);

/** Waits for the trace of the newest callback since `from` to have this many processed messages, and returns it. */
async function waitForTrace(from: number, messages = 1): Promise<readonly ReceivedSpan[]> {
  return waitUntil(
    () => {
      const callback = receiver
        .spans()
        .slice(from)
        .find((span) => span.name === 'callback');
      if (callback === undefined) return undefined;
      const trace = traceOf(callback);
      const processed = trace.filter((span) => span.name === 'process provision');
      return processed.length >= messages ? trace : undefined;
    },
    () => renderTree(receiver.spans()),
    30_000,
  );
}

const only = (spans: readonly ReceivedSpan[], name: string): ReceivedSpan => {
  const [span, ...more] = spans.filter((each) => each.name === name);
  if (span === undefined || more.length > 0) throw new Error(`${more.length + 1} or no ${name}`);
  return span;
};

async function put(message: ProvisionMessage): Promise<void> {
  const queue = new QueueClient(stack.storageConnectionString, 'provision');
  const text = await sealOf(stack).sign(serializeProvisionMessage(message));
  await queue.sendMessage(Buffer.from(text).toString('base64'));
}

describe('a sign-in and its provisioning', { timeout: 60_000 }, () => {
  it('are one trace: callback, Entra, queue, message, table writes', async () => {
    const from = receiver.spans().length;
    const { visitor } = await signIn('alice@company.com');
    await visitor.waitFor('done');
    const trace = await waitForTrace(from);
    console.log(`\n${renderTree(trace)}\n`);

    const callback = only(trace, 'callback');
    expect(callback.kind).toBe(KIND.internal);
    // The host's own span, which the local host does not export.
    expect(callback.parentSpanId).toMatch(/^[0-9a-f]{16}$/);
    expect(callback.attributes).toMatchObject({
      'faas.trigger': 'http',
      'http.response.status_code': 302,
      'app.outcome': 'ok',
    });
    const below = childrenOf(trace, callback);
    const token = below.find((span) => span.attributes['http.request.method'] === 'POST');
    expect(token).toMatchObject({
      name: 'POST /{id}/oauth2/v2.0/token',
      kind: KIND.client,
      attributes: {
        'app.dependency': 'entra',
        'http.response.status_code': 200,
        'server.address': 'localhost',
        'url.scheme': 'https',
      },
    });
    const send = only(trace, 'send provision');
    expect(send).toMatchObject({ kind: KIND.producer, parentSpanId: callback.spanId });
    const message = only(trace, 'process provision');
    expect(message).toMatchObject({ kind: KIND.consumer, parentSpanId: send.spanId });
    expect(message.attributes).toMatchObject({
      'faas.trigger': 'pubsub',
      'messaging.destination.name': 'provision',
      'app.attempt': 1,
      'app.outcome': 'done',
    });
    // The host begins a trace of its own for each delivery.
    expect(message.links).toHaveLength(1);
    expect(message.links[0]?.traceId).not.toBe(message.traceId);

    const writes = childrenOf(trace, message).filter(
      (span) => span.attributes['db.collection.name'] === TABLES.teamMemberships,
    );
    expect(writes.map((span) => span.attributes['db.operation.name'])).toContain('transact');
    expect(writes.every((span) => span.kind === KIND.client)).toBe(true);
    // Nothing else is in the trace: every span but the first hangs below another.
    const ids = new Set(trace.map((span) => span.spanId));
    expect(trace.filter((span) => !ids.has(span.parentSpanId))).toEqual([callback]);
  });

  it('have the trace id that their events name', async () => {
    const from = receiver.spans().length;
    const logsFrom = stack.host.logs().length;
    const { visitor } = await signIn('olivia@company.com');
    await visitor.waitFor('done');
    const [{ traceId } = { traceId: '' }] = await waitForTrace(from);
    const lines = stack.host.logs().slice(logsFrom);
    for (const event of ['signin.complete', 'provision.user']) {
      const line = lines.find((each) => each.includes(`"event":"${event}"`));
      expect(line).toContain(`"traceId":"${traceId}"`);
    }
  });

  it('show each page and each retry of Graph, and count its throttling', async () => {
    const from = receiver.spans().length;
    await stack.control.setFaults({ graph: { status: 429, retryAfterSeconds: 0, times: 1 } });
    const { visitor } = await signIn('mary@company.com');
    await stack.control.clearFaults();
    await visitor.waitFor('done');
    const trace = await waitForTrace(from);
    const graph = trace.filter((span) => span.attributes['app.dependency'] === 'graph');
    expect(new Set(graph.map((span) => span.name))).toEqual(new Set(['GET /graph/v1.0/me/memberOf']));
    const statuses = graph.map((span) => span.attributes['http.response.status_code']);
    expect(statuses.slice(0, 2)).toEqual([429, 200]);
    expect(graph[0]).toMatchObject({ status: { code: 2 }, attributes: { 'error.type': '429' } });
  });

  it('go on in the same trace when the message was put back to wait', async () => {
    const callback = await waitForSpan((span) => span.name === 'callback');
    const trace = await waitUntil(
      () => {
        const spans = traceOf(callback);
        const outcomes = spans.map((span) => span.attributes['app.outcome']);
        return outcomes.includes('done') ? spans : undefined;
      },
      () => renderTree(traceOf(callback)),
      40_000,
    );
    const messages = trace.filter((span) => span.name === 'process provision');
    expect(messages.map((span) => span.attributes['app.outcome'])).toEqual(['waiting', 'done']);
    const first = trace.find(
      (span) => span.name === 'send provision' && span.parentSpanId === callback.spanId,
    );
    expect(messages.map((span) => span.parentSpanId)).toEqual([first?.spanId, first?.spanId]);
    // The send that put it back is a span below the delivery that did it.
    const again = trace.find((span) => span.name === 'send provision' && span !== first);
    expect(again?.parentSpanId).toBe(messages[0]?.spanId);
  });

  it('go on in the same trace through the poison queue and a redrive', async () => {
    const trace = randomBytes(16).toString('hex');
    const span = randomBytes(8).toString('hex');
    const id = randomUUID();
    await put({
      version: 1,
      id,
      observed_at: new Date(Date.now() - 60_000).toISOString(),
      person: { user_id: randomUUID(), tenant_id: stack.tenantId, app_roles: [] },
      groups_source: 'claim',
      parked: parkedListOf(id, [sampleGroups.production]),
      traceparent: `00-${trace}-${span}-01`,
    });
    await waitForSpan((each) => each.traceId === trace && each.name === 'process provision-poison');
    const connection = { kind: 'connectionString' as const, connectionString: stack.storageConnectionString };
    await new ParkedSnapshots(createAzureTables({ connection })).park(id, [sampleGroups.production]);
    const file = join(import.meta.dirname, '../../cli/redrive.ts');
    const env = { PATH: process.env['PATH'] ?? '', LOCAL_STATE_DIR: stack.stateDir };
    await promisify(execFile)(process.execPath, [file, '--all'], { env });
    await waitForSpan((each) => each.traceId === trace && each.attributes['app.outcome'] === 'done');
    const messages = receiver
      .spans()
      .filter((each) => each.traceId === trace && each.kind === KIND.consumer)
      .sort((a, b) => Number(a.startTimeUnixNano - b.startTimeUnixNano));
    expect(messages.map((each) => `${each.name} ${each.attributes['app.outcome']}`)).toEqual([
      ...Array.from({ length: 5 }, () => 'process provision snapshot_missing'),
      'process provision-poison ok',
      'process provision done',
    ]);
    expect(new Set(messages.map((each) => each.parentSpanId))).toEqual(new Set([span]));
    expect(messages[0]).toMatchObject({
      status: { code: 2 },
      attributes: { 'error.type': 'snapshot_missing' },
    });
  });

  it('fail in ways that name no person', async () => {
    await stack.control.setFaults({
      token: {
        status: 400,
        error: 'invalid_grant',
        errorDescription: 'AADSTS70000: The account alice@company.com of Alice Anderson is not allowed.',
      },
    });
    const from = receiver.spans().length;
    const { status } = await signIn('alice@company.com');
    await stack.control.clearFaults();
    expect(status).toBeGreaterThanOrEqual(400);
    const callback = await waitForSpan(
      (span) => span.name === 'callback' && receiver.spans().indexOf(span) >= from,
    );
    const token = traceOf(callback).find((span) => span.name.startsWith('POST'));
    expect(token).toMatchObject({ status: { code: 2 }, attributes: { 'http.response.status_code': 400 } });
    await signIn('ulrich@company.com').catch(() => undefined);
    // A message of garbage with a person in it, and requests without a valid session.
    const queue = new QueueClient(stack.storageConnectionString, 'provision');
    await queue.sendMessage(
      Buffer.from('{"version":1,"person":{"user_email":"alice@company.com"}}').toString('base64'),
    );
    const stranger = new Visitor(stack.url);
    await stranger.request('/api/me', {
      headers: { authorization: 'Bearer stolen-token', cookie: 'session=x' },
    });
    await stranger.request('/sso/callback?code=stolen-code&state=stolen-state');
    secrets.set('a header', 'stolen-token').set('a code', 'stolen-code').set('a state', 'stolen-state');
    await waitForSpan((span) => span.attributes['app.outcome'] === 'message_not_authentic');
  });
});

describe('what an instance has not sent when it has to end', () => {
  it('is sent then', async () => {
    const from = receiver.spans().length;
    await new Visitor(stack.url).request('/api/health');
    await stack.restartHost();
    expect(
      receiver
        .spans()
        .slice(from)
        .map((span) => span.name),
    ).toContain('health');
  });
});

describe('the metrics', () => {
  it('count what happened, with the names, units and attributes of the list', () => {
    const totals = receiver.totals();
    expect(totals).toMatchObject({
      'signin.outcomes{outcome=ok}': 4,
      'signin.outcomes{outcome=attempt_missing}': 1,
      'provision.outcomes{outcome=waiting}': 1,
      'provision.outcomes{outcome=done}': 5,
      'provision.outcomes{outcome=snapshot_missing}': 5,
      'provision.put_back{reason=directory_permission_missing}': 1,
      'provision.poisoned{reason=snapshot_missing}': 1,
      'provision.delay{outcome=done}': 5,
      'graph.throttled': 1,
    });
    expect(totals['provision.memberships.granted']).toBeGreaterThan(250);
    const listed = new Map(Object.entries(METRICS));
    for (const { name, unit, description, attributes } of receiver.points()) {
      expect(listed.get(name)).toMatchObject({ unit, description });
      expect(listed.get(name)?.attributes).toEqual(Object.keys(attributes));
    }
    const delay = receiver.points().find((point) => point.name === 'provision.delay');
    expect(delay?.explicitBounds).toEqual(METRICS['provision.delay'].buckets);
    expect(delay?.sum).toBeGreaterThan(0);
  });
});

describe('everything that was emitted', () => {
  it('has no token, cookie, code, secret, email or name in it', async () => {
    const directory = await stack.control.readDirectory();
    for (const { displayName, mail, userPrincipalName } of directory.people) {
      secrets.set(`name ${displayName}`, displayName).set(`login ${displayName}`, userPrincipalName);
      if (mail !== undefined) secrets.set(`mail ${displayName}`, mail);
    }
    for (const { displayName } of directory.groups) secrets.set(`group ${displayName}`, displayName);
    secrets.set('client secret', stack.identity.clientSecret).set('function key', stack.functionKey);
    secrets.set('a mail domain', '@company.com').set('a JWT', 'eyJ').set('a header of ours', 'Bearer ');
    const key = /AccountKey=([^;]+)/.exec(stack.storageConnectionString)?.[1];
    secrets.set('storage key', key ?? '');
    expect([...secrets.values()].filter((secret) => secret.length < 3)).toEqual([]);

    const emitted = [...receiver.raw(), ...stack.host.logs()];
    expect(receiver.raw().length).toBeGreaterThan(10);
    const found = [...secrets].flatMap(([what, secret]) =>
      emitted
        .filter((text) => variantsOf(secret).some((variant) => text.toLowerCase().includes(variant)))
        .map((text) => `${what}: ${text.slice(0, 300)}`),
    );
    expect(found).toEqual([]);
  });

  it('has no id of a person or of a row in its spans and metrics', () => {
    const ids = stack.host
      .logs()
      .flatMap((line) => [...(/"(?:userId|observationId|messageId)":"([^"]+)"/g.exec(line)?.slice(1) ?? [])]);
    expect(ids.length).toBeGreaterThan(5);
    const sent = receiver.raw().join('\n');
    expect([...new Set([...ids, sampleGroups.production])].filter((id) => sent.includes(id))).toEqual([]);
  });

  it('has no text of an error, no stack and no address with a query', () => {
    for (const span of receiver.spans()) {
      expect(span.events).toEqual([]);
      expect(span.status.message ?? '').toBe('');
      expect(
        Object.keys(span.attributes).filter((key) => /query|full|header|stack|message$/.test(key)),
      ).toEqual([]);
    }
  });
});

/** As it is, in an address, and in base64, in lower case. */
function variantsOf(secret: string): readonly string[] {
  const base64 = Buffer.from(secret).toString('base64').replace(/=+$/, '').slice(0, -1);
  const variants = [secret, encodeURIComponent(secret), ...(secret.length > 8 ? [base64] : [])];
  return variants.map((variant) => variant.toLowerCase());
}
