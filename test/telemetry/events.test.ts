import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../../shared/model/errors.ts';
import { findTraceparent } from '../../shared/queue/queueMessage.ts';
import { type EventLog, observeFlow, writeEvent } from '../../shared/telemetry/events.ts';
import { provideTracing, startTracing } from '../../shared/telemetry/traceInvocation.ts';
import { traceInvocation } from '../../shared/telemetry/traceInvocation.ts';
import { activateTracing, NO_TRACING, tracing } from '../../shared/telemetry/tracing.ts';
import { type RecordedTracing, recordTracing } from './recordedTracing.ts';

const HOST = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const SENDER = '00-1bf7651916cd43dd8448eb211c80319c-c7ad6b7169203331-01';

let recorded: RecordedTracing;
let lines: string[];
let log: EventLog & { readonly invocationId: string; readonly functionName: string };

beforeEach(() => {
  recorded = recordTracing();
  lines = [];
  const write = (line: unknown): void => void lines.push(String(line));
  log = { invocationId: 'invocation-1', functionName: 'callback', info: write, warn: write, error: write };
  provideTracing(() => recorded);
  startTracing(log);
});
afterEach(() => {
  activateTracing(NO_TRACING);
});

const write = (name: Parameters<typeof writeEvent>[1]['name'], fields: Parameters<typeof writeEvent>[2]) =>
  writeEvent(log, { name, level: 'info' }, fields);

describe('an event', () => {
  it('shows every character that a log viewer might obey or hide', () => {
    write('request.failed', { reason: 'a\u202Eb\u009Bc\u2028\u0000' });
    expect(lines[0]).toContain(String.raw`"reason":"a\u202eb\u009bc\u2028\u0000"`);
  });

  it.each([
    ['signin.complete', { userId: 'u' }, ['signin.outcomes 1 {"outcome":"ok"}']],
    ['signin.complete', { userId: undefined }, ['signin.outcomes 1 {"outcome":"challenged"}']],
    [
      'sync.person',
      { status: 'done', added: 2, removed: 1, secondsSinceSignIn: 1.5 },
      [
        'sync.outcomes 1 {"outcome":"done"}',
        'sync.delay 1.5 {"outcome":"done"}',
        'sync.memberships.added 2 {}',
        'sync.memberships.removed 1 {}',
      ],
    ],
    [
      'sync.entity',
      { status: 'waiting', reason: 'litellm_unreachable', added: undefined },
      ['sync.outcomes 1 {"outcome":"waiting"}', 'sync.put_back 1 {"reason":"litellm_unreachable"}'],
    ],
    ['sync.failure', { reason: 'litellm_refused' }, ['sync.poisoned 1 {"reason":"litellm_refused"}']],
    ['sync.failure', { code: 'storage_unavailable' }, []],
    ['signin.complete', { code: 'not_assigned' }, ['signin.outcomes 1 {"outcome":"not_assigned"}']],
    [
      'provision.user',
      { status: 'done', secondsSinceSignIn: 1.25 },
      ['provision.outcomes 1 {"outcome":"done"}', 'provision.delay 1.25 {"outcome":"done"}'],
    ],
    [
      'provision.user',
      { status: 'unchanged', secondsSinceSignIn: 2 },
      ['provision.outcomes 1 {"outcome":"unchanged"}', 'provision.delay 2 {"outcome":"unchanged"}'],
    ],
    [
      'provision.user',
      { status: 'already_done', secondsSinceSignIn: 2 },
      ['provision.outcomes 1 {"outcome":"already_done"}'],
    ],
    [
      'provision.user',
      { status: 'waiting', reason: 'directory_unreachable', secondsSinceSignIn: 2 },
      [
        'provision.outcomes 1 {"outcome":"waiting"}',
        'provision.put_back 1 {"reason":"directory_unreachable"}',
      ],
    ],
    [
      'provision.user',
      { code: 'storage_unavailable' },
      ['provision.outcomes 1 {"outcome":"storage_unavailable"}'],
    ],
    [
      'provision.failure',
      { reason: 'snapshot_missing' },
      ['provision.poisoned 1 {"reason":"snapshot_missing"}'],
    ],
    ['provision.failure', { reason: 'storage_refused', putBack: true }, []],
    ['provision.failure', { code: 'storage_unavailable' }, []],
    ['page.home', { status: 'done' }, []],
  ] as const)('%s %j is measured as it should be', (name, fields, expected) => {
    write(name, fields);
    expect(recorded.measured).toEqual(expected);
  });

  it('names the trace, and the span its outcome', async () => {
    await traceInvocation(log, { kind: 'http' }, async () =>
      write('groups.refresh', { decision: 'held_back' }),
    );
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ event: 'groups.refresh', traceId: 't'.repeat(32) });
    expect(recorded.spans[0]?.attributes['app.outcome']).toBe('held_back');
  });

  it('names no trace and is not measured where telemetry is off', () => {
    activateTracing(NO_TRACING);
    write('signin.complete', { userId: 'u' });
    expect(lines[0]).not.toContain('traceId');
    expect(recorded.measured).toEqual([]);
  });

  it('of an unexpected failure has no text of it', async () => {
    const run = async (): Promise<never> => {
      throw new TypeError('alice@company.com');
    };
    await expect(observeFlow(log, { name: 'api.me', run, describe: () => ({}) })).rejects.toThrow('alice');
    expect(lines[0]).toContain('"kind":"TypeError"');
    expect(lines[0]).not.toContain('alice');
  });
});

describe('traceInvocation', () => {
  const context = () => ({ ...log, traceContext: { traceParent: HOST } });

  it('continues the trace of the host for a request and a timer', async () => {
    for (const kind of ['http', 'timer'] as const) await traceInvocation(context(), { kind }, async () => 1);
    for (const { start } of recorded.spans) {
      expect(start).toMatchObject({ name: 'callback', kind: 'internal', parent: HOST });
      expect(start.attributes).toMatchObject({ 'faas.invocation_id': 'invocation-1' });
    }
  });

  it('continues the trace that a message carries, linked to that of the host', async () => {
    const queue = { kind: 'queue', queueName: 'provision', attempt: 2 } as const;
    await traceInvocation(context(), { ...queue, traceparent: SENDER }, async () => 1);
    await traceInvocation(context(), { ...queue, traceparent: undefined }, async () => 1);
    const [carried, alone] = recorded.spans;
    expect(carried?.start).toMatchObject({
      name: 'process provision',
      kind: 'consumer',
      parent: SENDER,
      link: HOST,
    });
    expect(alone?.start).toMatchObject({ parent: HOST });
    expect(alone?.start.link).toBeUndefined();
    expect(carried?.attributes['app.attempt']).toBe(2);
  });

  it('marks what failed by its code and throws it on', async () => {
    const failure = new AppError('storage_unavailable', 'text');
    const failing = traceInvocation(context(), { kind: 'timer' }, async () => {
      throw failure;
    });
    await expect(failing).rejects.toBe(failure);
    expect(recorded.spans[0]?.failure).toBe('storage_unavailable');
  });

  it('starts tracing once, at the first call', async () => {
    let starts = 0;
    provideTracing(() => {
      starts += 1;
      return recorded;
    });
    expect(tracing().isOff).toBe(true);
    await traceInvocation(context(), { kind: 'timer' }, async () => 1);
    await traceInvocation(context(), { kind: 'timer' }, async () => 1);
    expect(starts).toBe(1);
  });
});

describe('findTraceparent', () => {
  it.each([
    [`{"traceparent":"${SENDER}","version":9}`, SENDER],
    ['{"traceparent":"alice@company.com"}', undefined],
    ['no json', undefined],
    ['null', undefined],
    ['{}', undefined],
  ])('of %j is what a message may carry', (json, expected) => {
    expect(findTraceparent(json)).toBe(expected);
  });
});
