/** Doubles for tests of a sign-in: clock, randomness, key ring, queue, snapshots, browser. */
import type { RingKey } from '../../shared/storage/keyRing.ts';
import { parkedListOf, type ParkedSnapshots } from '../../shared/storage/parkedSnapshots.ts';
import { createHash, randomBytes } from 'node:crypto';
import { AppError } from '../../shared/model/errors.ts';
import type { Clock, MessageQueue, Random } from '../../shared/model/ports.ts';
import type { RequestCookies, ResponseCookie, SealContext } from '../../shared/session/session.ts';

export const TENANT_ID = '11111111-2222-4333-8444-555555555555';
export const CLIENT_ID = '66666666-7777-4888-8999-aaaaaaaaaaaa';
export const PUBLIC_URL = 'https://app.example.com';

export interface TestClock extends Clock {
  advance(durationMs: number): void;
}

/** Creates a clock that only moves when a test advances it. It starts at the current second. */
export function createTestClock(startMs = Math.floor(Date.now() / 1000) * 1000): TestClock {
  let nowMs = startMs;
  return {
    now: () => new Date(nowMs),
    advance: (durationMs) => {
      nowMs += durationMs;
    },
  };
}

/** Creates a source of values that differ at every call and are the same in every run. */
export function createTestRandom(seed = 'seed'): Random {
  let count = 0;
  const draw = (): Buffer =>
    createHash('sha256')
      .update(`${seed} ${(count += 1)}`)
      .digest();
  return {
    bytes: (length) => Uint8Array.from(draw().subarray(0, length)),
    uuid: () =>
      draw()
        .toString('hex')
        .replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, '$1-$2-4$3-8$4-$5'),
  };
}

/** Creates a key ring in which a test adds and removes keys. The newest key seals. */
export function createTestKeyRing(): SealContext['keyRing'] & { readonly keys: RingKey[]; fault?: Error } {
  const keys: RingKey[] = [{ id: 'k000001', secret: Uint8Array.from(randomBytes(32)) }];
  const ring: SealContext['keyRing'] & { readonly keys: RingKey[]; fault?: Error } = {
    keys,
    async sealingKey() {
      if (ring.fault) throw ring.fault;
      const key = keys.at(-1);
      if (key === undefined) throw new Error('The test has removed every key.');
      return key;
    },
    async findKey(id) {
      if (ring.fault) throw ring.fault;
      return keys.find((key) => key.id === id);
    },
  };
  return ring;
}

export function createSealContext(parts: Partial<SealContext> = {}): SealContext {
  return {
    keyRing: createTestKeyRing(),
    clock: createTestClock(),
    tenantId: TENANT_ID,
    clientId: CLIENT_ID,
    publicUrl: PUBLIC_URL,
    ...parts,
  };
}

/** Keeps, replaces and deletes cookies as a browser does for `Set-Cookie`. */
export function keepCookies(kept: RequestCookies, set: readonly ResponseCookie[]): RequestCookies {
  const next = new Map(kept);
  for (const { name, value, maxAge } of set) {
    if (maxAge === 0) next.delete(name);
    else next.set(name, value);
  }
  return next;
}

export function createTestQueue(): MessageQueue & { readonly messages: string[]; fault?: AppError } {
  const queue: MessageQueue & { readonly messages: string[]; fault?: AppError } = {
    messages: [],
    async enqueue(text) {
      if (queue.fault) throw queue.fault;
      queue.messages.push(text);
    },
    async check() {
      if (queue.fault) throw queue.fault;
    },
    async peek() {
      throw new Error('Nothing looks at this queue');
    },
  };
  return queue;
}

export function createTestSnapshots(): Pick<ParkedSnapshots, keyof ParkedSnapshots> & {
  readonly lists: Map<string, readonly string[]>;
} {
  const lists = new Map<string, readonly string[]>();
  return {
    lists,
    async park(id, groupIds) {
      lists.set(id, groupIds);
      return parkedListOf(id, groupIds);
    },
    async require({ snapshot_id: id }) {
      const list = lists.get(id);
      if (list === undefined) throw new AppError('snapshot_missing', 'The test has not parked this list.');
      return list;
    },
    async remove(id) {
      lists.delete(id);
    },
  };
}
