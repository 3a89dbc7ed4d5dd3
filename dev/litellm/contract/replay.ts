/** Sends recorded steps to a proxy, in order, and compares its answers with the recorded ones. */
import { findDifferences } from './differences.ts';
import type { Step } from './recordings.ts';

export interface ReplayedProxy {
  readonly url: string;
  readonly masterKey: string;
}

/** Fits the steps to a proxy that has more than the steps made. */
export interface ReplayAdapter {
  /** Changes what is sent. */
  toProxy(this: void, step: Step): Pick<Step, 'path' | 'body'>;
  /** Changes an answer before it is compared. */
  fromProxy(this: void, answer: unknown, step: Step): unknown;
  /** Returns why the answer of a step cannot be compared. */
  findReasonToSkip(this: void, answer: unknown, step: Step): string | undefined;
  before(this: void, step: Step): Promise<void>;
  /** Gets the answer as it was compared. */
  after(this: void, step: Step, answer: ReplayedAnswer): Promise<void>;
  /** Gets each step when it is compared. */
  done(this: void, replayed: ReplayedStep): void;
}

export interface ReplayedAnswer {
  readonly status: number;
  readonly body: unknown;
}

export interface ReplayedStep extends ReplayedAnswer {
  readonly step: Step;
  /** Counted from 1. */
  readonly number: number;
  /** Empty if the proxy answers as recorded. */
  readonly differences: readonly string[];
  /** Why it was not compared, if it was not. */
  readonly skipped?: string | undefined;
}

/** A call of a model moves the amounts within a minute. The recordings wait for them before the steps with these words. */
export const waitsForSpend = /^what .+ spent$/;

const noAdapter: ReplayAdapter = {
  toProxy: (step) => step,
  fromProxy: (answer) => answer,
  findReasonToSkip: () => undefined,
  before: async () => undefined,
  after: async () => undefined,
  done: () => undefined,
};

/** Sends the steps one after the other. The proxy should be empty, or the adapter make up for what it has. */
export async function replaySteps(
  proxy: ReplayedProxy,
  steps: readonly Step[],
  adapter: ReplayAdapter = noAdapter,
): Promise<readonly ReplayedStep[]> {
  const keys = new KeyRing(proxy.masterKey);
  let isSpendSettled = true;
  const replayed: ReplayedStep[] = [];
  for (const [index, step] of steps.entries()) {
    await adapter.before(step);
    const sent = await send(proxy, keys, { ...step, ...adapter.toProxy(step) });
    const skipped = adapter.findReasonToSkip(sent.body, step);
    const answer = { status: sent.status, body: adapter.fromProxy(sent.body, step) };
    keys.learn(answer.body);
    await adapter.after(step, answer);
    if (waitsForSpend.test(step.step)) isSpendSettled = true;
    const options = {
      isOrdered: /[?&]page=/.test(step.path),
      ...(isSpendSettled ? {} : { ignored: new Set(['spend']) }),
    };
    const recorded = { status: step.status, body: step.answer };
    const differences = skipped === undefined ? findDifferences(recorded, answer, options) : [];
    if (step.path === '/chat/completions') isSpendSettled = false;
    const compared = { step, number: index + 1, ...answer, differences, skipped };
    adapter.done(compared);
    replayed.push(compared);
  }
  return replayed;
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The keys that the proxy made in earlier steps, by their aliases. */
class KeyRing {
  readonly #secrets: Map<string, string>;
  readonly #hashes = new Map<string, string>();
  #lastAlias = '';

  constructor(masterKey: string) {
    this.#secrets = new Map([
      ['admin', masterKey],
      ['nobody', 'sk-unknown'],
    ]);
  }

  /** Returns the secret of a key. One that the proxy did not make is unknown to it, too. */
  secretOf(alias: string): string {
    return this.#secrets.get(alias) ?? `sk-never-made-${alias}`;
  }

  /** Keeps the key of an answer of `/key/generate`. */
  learn(answer: unknown): void {
    if (!isRecord(answer)) return;
    const { key, token, key_alias: alias } = answer;
    if (typeof key !== 'string' || !key.startsWith('sk-') || typeof alias !== 'string') return;
    this.#secrets.set(alias, key);
    this.#hashes.set(alias, String(token));
  }

  /**
   * Returns the hash that a step means with `<hash>`. A successful answer names the key's alias. A step without such an
   * answer means the key of the step before.
   */
  hashOf({ answer }: Step): string {
    const named = isRecord(answer) ? (aliasOf(answer) ?? aliasOf(answer['info'])) : undefined;
    this.#lastAlias = named ?? this.#lastAlias;
    return this.#hashes.get(this.#lastAlias) ?? 'f'.repeat(64);
  }
}

function aliasOf(value: unknown): string | undefined {
  const alias = isRecord(value) ? value['key_alias'] : undefined;
  return typeof alias === 'string' ? alias : undefined;
}

async function send({ url }: ReplayedProxy, keys: KeyRing, step: Step): Promise<ReplayedAnswer> {
  const body = step.body === undefined ? undefined : JSON.stringify(step.body);
  const usesHash = `${step.path}${body}`.includes('<hash>');
  const hash = usesHash ? keys.hashOf(step) : '';
  const response = await fetch(`${url}${step.path.replaceAll('<hash>', hash)}`, {
    method: step.method,
    headers: {
      authorization: `Bearer ${keys.secretOf(step.as)}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: body.replaceAll('<hash>', hash) }),
  });
  const text = await response.text();
  return { status: response.status, body: parseJson(text) };
}

/** Parses JSON. Anything else stays text. */
function parseJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    return text;
  }
}
