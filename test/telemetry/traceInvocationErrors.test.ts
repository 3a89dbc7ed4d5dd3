/** The Functions host logs the text of whatever a queue or timer function throws. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { inspect } from 'node:util';
import { beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../../shared/model/errors.ts';
import { type EventLog, observeFlow } from '../../shared/telemetry/events.ts';
import { type TracedTrigger, traceInvocation } from '../../shared/telemetry/traceInvocation.ts';

const EMAIL = 'alice@company.com';

let lines: string[];
let context: EventLog & { readonly invocationId: string; readonly functionName: string };

beforeEach(() => {
  lines = [];
  const write = (line: unknown): void => void lines.push(String(line));
  context = { invocationId: 'i', functionName: 'litellmSync', info: write, warn: write, error: write };
});

const triggers: readonly TracedTrigger[] = [
  { kind: 'timer' },
  { kind: 'queue', queueName: 'provision', attempt: 5, traceparent: undefined },
];

/** What a function throws whose flow throws this. */
async function thrownFor(trigger: TracedTrigger, failure: unknown): Promise<unknown> {
  const run = async (): Promise<never> => {
    throw failure;
  };
  return traceInvocation(context, trigger, async () =>
    observeFlow(context, { name: 'provision.user', run, describe: () => ({}) }),
  ).then(
    () => 'nothing was thrown',
    (error: unknown) => error,
  );
}

describe.each(triggers)('what a function called by a $kind throws', (trigger) => {
  it.each([
    ['a TypeError', new TypeError(`Cannot read ${EMAIL}`)],
    ['an error with a cause', new Error('outer', { cause: new Error(EMAIL) })],
    ['an error with a member', Object.assign(new RangeError('x'), { entity: { user_email: EMAIL } })],
    ['several errors', new AggregateError([new Error(EMAIL)], EMAIL)],
    ['a text', EMAIL],
    ['an object', { message: EMAIL }],
  ])('of an unexpected error has nothing of it: %s', async (_case, failure) => {
    const thrown = await thrownFor(trigger, failure);
    expect(thrown).toBeInstanceOf(AppError);
    expect(thrown).toMatchObject({ code: 'unexpected' });
    expect(inspect(thrown, { depth: 10, showHidden: true })).not.toContain(EMAIL);
    expect(lines.length).toBe(1);
    expect(lines.join('\n')).not.toContain(EMAIL);
  });

  it('of an error of its own is that error, so that the host delivers a message again', async () => {
    const failure = new AppError('storage_unavailable', 'The table did not answer', { retryable: true });
    expect(await thrownFor(trigger, failure)).toBe(failure);
  });
});

describe('every queue and timer function', () => {
  const folder = resolve(import.meta.dirname, '../../functions');
  const sources = readdirSync(folder).map((file) => ({
    file,
    text: readFileSync(join(folder, file), 'utf8'),
  }));

  it('is registered by a wrapper, which traces it', () => {
    const wrapped = sources.filter(({ text }) => /\b(?:onQueue|onTimer)\(/.test(text));
    expect(wrapped.length).toBeGreaterThan(5);
    const bare = sources.filter(({ text }) => /\bapp\.(?:timer|storageQueue)\(/.test(text));
    expect(bare.map(({ file }) => file)).toEqual([]);
  });
});
