import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTelemetry } from '../../shared/telemetry/export/createTelemetry.ts';
import type { RunningSpan, Tracing } from '../../shared/telemetry/tracing.ts';
import { type OtlpReceiver, startOtlpReceiver } from './otlpReceiver.ts';

const HOST = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00';

let receiver: OtlpReceiver;
let tracing: Tracing;

function create(protocol: 'http/json' | 'http/protobuf' = 'http/json'): Tracing {
  return createTelemetry({ otlp: { protocol }, serviceName: 'the-app', instanceId: 'instance-1' });
}

beforeEach(async () => {
  receiver = await startOtlpReceiver();
  process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] = receiver.url;
  process.env['OTEL_EXPORTER_OTLP_HEADERS'] = 'x-api-key=key%20of%20the%20collector';
  tracing = create();
});
afterEach(async () => {
  for (const name of ['ENDPOINT', 'HEADERS']) delete process.env[`OTEL_EXPORTER_OTLP_${name}`];
  for (const name of ['OTEL_TRACES_SAMPLER', 'OTEL_SERVICE_NAME']) delete process.env[name];
  await receiver.close();
});

const span = (name: string, parent?: string) => ({ name, kind: 'internal' as const, parent });
const named = (name: string) => receiver.spans().find((each) => each.name === name);

describe('createTelemetry', () => {
  it('hangs each span below the one in which it runs, also of many at once', async () => {
    await Promise.all(
      ['a', 'b', 'c'].map(async (name) =>
        tracing.run(span(name), async () => {
          await new Promise((resolve) => {
            setTimeout(resolve, 5);
          });
          await tracing.run(span(`${name}/1`), async () => tracing.run(span(`${name}/1/1`), async () => 1));
          await tracing.run(span(`${name}/2`), async () => 2);
        }),
      ),
    );
    await tracing.flush(5_000);
    for (const name of ['a', 'b', 'c']) {
      expect(named(name)?.parentSpanId).toBe('');
      expect(named(`${name}/1`)?.parentSpanId).toBe(named(name)?.spanId);
      expect(named(`${name}/1/1`)?.parentSpanId).toBe(named(`${name}/1`)?.spanId);
      expect(named(`${name}/2`)?.parentSpanId).toBe(named(name)?.spanId);
    }
    expect(new Set(receiver.spans().map((each) => each.traceId)).size).toBe(3);
  });

  it('continues the given parent, also one that was not sampled, and links the other', async () => {
    await tracing.run(span('around'), async () =>
      tracing.run(
        { ...span('message', HOST), kind: 'consumer', link: HOST.replace('0af', '1af') },
        async () => 1,
      ),
    );
    await tracing.flush(5_000);
    expect(named('message')).toMatchObject({
      traceId: HOST.slice(3, 35),
      parentSpanId: HOST.slice(36, 52),
      links: [{ traceId: `1${HOST.slice(4, 35)}`, spanId: HOST.slice(36, 52) }],
    });
  });

  it.each([
    '',
    'nonsense',
    'ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    `00-${'0'.repeat(32)}-b7ad6b7169203331-01`,
  ])('ignores the parent %j', async (parent) => {
    await tracing.run(span('around'), async () => tracing.run(span('inside', parent), async () => 1));
    await tracing.flush(5_000);
    expect(named('inside')?.parentSpanId).toBe(named('around')?.spanId);
  });

  it('returns the running span, and its context to continue elsewhere', async () => {
    expect(tracing.current()).toBeUndefined();
    let running: RunningSpan | undefined;
    const given = await tracing.run(span('one'), async (self) => {
      running = tracing.current();
      return self.traceparent;
    });
    await tracing.flush(5_000);
    expect(running?.traceparent).toBe(given);
    expect(given).toBe(`00-${named('one')?.traceId}-${named('one')?.spanId}-01`);
    expect(running?.traceId).toBe(named('one')?.traceId);
  });

  it('throws on what the work threw, and the span has only the given error type', async () => {
    const failure = new Error('alice@company.com');
    const failing = tracing.run(span('fails'), async (self) => {
      self.fail('storage_refused');
      throw failure;
    });
    await expect(failing).rejects.toBe(failure);
    await tracing.flush(5_000);
    expect(named('fails')).toMatchObject({
      status: { code: 2 },
      attributes: { 'error.type': 'storage_refused' },
    });
    expect(receiver.raw().join('')).not.toContain('alice');
  });

  it('leaves out absent attributes and shortens long ones', async () => {
    const attributes = { absent: undefined, long: 'x'.repeat(10_000), 'app.attempt': 2 };
    await tracing.run({ ...span('attributes'), attributes }, async () => 1);
    await tracing.flush(5_000);
    expect(named('attributes')?.attributes).toEqual({ long: 'x'.repeat(256), 'app.attempt': 2 });
  });

  it('counts and measures under the names of the list', async () => {
    tracing.add('signin.outcomes', 1, { outcome: 'ok' });
    tracing.add('signin.outcomes', 2, { outcome: 'ok' });
    tracing.record('provision.delay', 1.5, { outcome: 'done' });
    await tracing.flush(5_000);
    expect(receiver.totals()).toEqual({
      'signin.outcomes{outcome=ok}': 3,
      'provision.delay{outcome=done}': 1,
    });
    expect(receiver.points().find((point) => point.name === 'provision.delay')?.sum).toBe(1.5);
  });

  it('sends automatically within two seconds', async () => {
    await tracing.run(span('soon'), async () => 1);
    await expect.poll(() => named('soon'), { timeout: 2_000 }).toBeDefined();
  });

  it('sends the headers that the environment names, and the name of the app', async () => {
    await tracing.run(span('one'), async () => 1);
    await tracing.flush(5_000);
    const sent = receiver.raw().join('');
    expect(sent).toContain('"x-api-key":"key of the collector"');
    expect(sent).toContain('"the-app"');
    expect(sent).toContain('"instance-1"');
    expect(sent).not.toContain('unknown_service');
  });

  it('lets the environment name the app and choose the sampler', async () => {
    process.env['OTEL_SERVICE_NAME'] = 'named-by-the-environment';
    process.env['OTEL_TRACES_SAMPLER'] = 'always_off';
    const other = create();
    other.add('graph.throttled', 1);
    await other.run(span('dropped'), async () => 1);
    await other.flush(5_000);
    expect(receiver.spans()).toEqual([]);
    expect(receiver.raw().join('')).toContain('named-by-the-environment');
  });

  it('writes protobuf where nothing else is asked for', async () => {
    const other = create('http/protobuf');
    await other.run(span('in-protobuf'), async () => 1);
    other.add('graph.throttled', 1);
    await other.flush(5_000);
    const sent = receiver.raw();
    expect(new Set(sent.map((text) => text.split(' ')[0]))).toEqual(new Set(['/v1/metrics', '/v1/traces']));
    expect(sent.every((text) => text.includes('application/x-protobuf'))).toBe(true);
    expect(sent.join('')).toContain('in-protobuf');
  });
});

describe('where the collector does not work', () => {
  it.each([503, 400, 'hang'] as const)('(%s) work is neither slower nor does it fail', async (how) => {
    receiver.answerWith(how);
    const startedMs = performance.now();
    for (let count = 0; count < 200; count += 1) {
      expect(await tracing.run(span('work'), async () => count)).toBe(count);
    }
    expect(performance.now() - startedMs).toBeLessThan(500);
  });

  it('a flush ends when its time is over', async () => {
    receiver.answerWith('hang');
    await tracing.run(span('work'), async () => 1);
    tracing.add('graph.throttled', 1);
    const startedMs = performance.now();
    await tracing.flush(300);
    const tookMs = performance.now() - startedMs;
    expect(tookMs).toBeGreaterThan(250);
    expect(tookMs).toBeLessThan(1_000);
  });

  it('a flush does not fail when no server listens', async () => {
    await receiver.close();
    await tracing.run(span('work'), async () => 1);
    await expect(tracing.flush(500)).resolves.toBeUndefined();
    receiver = await startOtlpReceiver();
  });
});
