import { createHmac, hkdfSync } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMessageSeal, type MessageSeal, signMessages } from '../../shared/queue/messageSeal.ts';
import { KeyRing } from '../../shared/storage/keyRing.ts';
import { createMemoryTables } from '../support/memoryTables.ts';
import { CLIENT_ID, createTestClock, createTestRandom, TENANT_ID } from '../support/signInDoubles.ts';

const HOUR_MS = 60 * 60_000;
const DAY_MS = 24 * HOUR_MS;
const JSON_TEXT = JSON.stringify({
  version: 1,
  name: 'Alice Ødegård 💥',
  list: ['a', 'b'],
  text: 'a b  c\n',
});

function createRing() {
  const tables = createMemoryTables();
  const clock = createTestClock();
  const ring = (): KeyRing => new KeyRing({ tables, clock, random: createTestRandom() });
  const sealFor = (queue: string, changes: object = {}): MessageSeal =>
    createMessageSeal({ keyRing: ring(), tenantId: TENANT_ID, clientId: CLIENT_ID, ...changes }, queue);
  return { tables, clock, sealFor };
}

describe('a signed message', () => {
  it('is v2, key id, signature and JSON; no JSON itself; and opens on any instance', async () => {
    const { sealFor, tables } = createRing();
    const text = await sealFor('provision').sign(JSON_TEXT);
    expect(text).toMatch(/^v2 k000001 [\w-]{43} \{/);
    expect(() => void JSON.parse(text)).toThrow(SyntaxError);
    expect(await sealFor('provision').open(text)).toBe(JSON_TEXT);
    // As the decision record says it, and computed without the product's code.
    const [row] = await tables.read('SessionKeys', { partitionKey: 'ring' });
    const secret = row?.properties['secret'];
    if (!(secret instanceof Uint8Array)) throw new Error('The ring has no key.');
    const info = JSON.stringify(['litellm-message', 'provision', TENANT_ID, CLIENT_ID]);
    const key = new Uint8Array(hkdfSync('sha256', secret, '', info, 32));
    const mac = createHmac('sha256', key)
      .update(Buffer.from(`v2 k000001 ${JSON_TEXT}`))
      .digest('base64url');
    expect(text).toBe(`v2 k000001 ${mac} ${JSON_TEXT}`);
  });

  it('opens whatever JSON it carries, to the last character', async () => {
    const seal = createRing().sealFor('provision');
    await fc.assert(
      fc.asyncProperty(fc.json(), async (json) => {
        expect(await seal.open(await seal.sign(json))).toBe(json);
      }),
      { numRuns: 50 },
    );
  });

  it('is refused after a change of any byte, in any way', async () => {
    const seal = createRing().sealFor('provision');
    const bytes = Buffer.from(await seal.sign(JSON_TEXT));
    for (const index of bytes.keys()) {
      // Every bit once, and a few characters that matter.
      const others = [
        ...Array.from({ length: 8 }, (_, bit) => (bytes[index] ?? 0) ^ (1 << bit)),
        0x20,
        0x41,
        0x2d,
      ];
      for (const other of others.filter((byte) => byte !== bytes[index])) {
        const changed = Buffer.from(bytes);
        changed[index] = other;
        expect(await seal.open(changed.toString('utf8')), `${index}: ${other}`).toBeUndefined();
      }
    }
  });

  it('is refused if a byte is missing, doubled or added', async () => {
    const seal = createRing().sealFor('provision');
    const text = await seal.sign(JSON_TEXT);
    for (let at = 0; at < text.length; at += 1) {
      const without = text.slice(0, at) + text.slice(at + 1);
      const doubled = text.slice(0, at) + text.charAt(at) + text.slice(at);
      expect(await seal.open(without), `without ${at}`).toBeUndefined();
      expect(await seal.open(doubled), `doubled ${at}`).toBeUndefined();
    }
    for (const added of [` ${text}`, `${text} `, `${text}\n`, `\uFEFF${text}`, `${text}\u0000`]) {
      expect(await seal.open(added)).toBeUndefined();
    }
  });

  it('is refused with a character that has the same bytes in UTF-8', async () => {
    const seal = createRing().sealFor('provision');
    const text = await seal.sign('{"name":"\uFFFD"}');
    expect(await seal.open(text)).toBe('{"name":"\uFFFD"}');
    expect(await seal.open(text.replace('\uFFFD', '\uD800'))).toBeUndefined();
  });

  it('is refused in another queue, tenant or client, with another ring, or with another key’s id', async () => {
    const world = createRing();
    const text = await world.sealFor('provision').sign(JSON_TEXT);
    for (const other of [
      world.sealFor('litellm-sync'),
      world.sealFor('provision-poison'),
      world.sealFor('provision', { tenantId: CLIENT_ID }),
      world.sealFor('provision', { clientId: TENANT_ID }),
      world.sealFor('provision', { tenantId: CLIENT_ID, clientId: TENANT_ID }),
      createMessageSeal(
        {
          keyRing: new KeyRing({
            tables: createMemoryTables(),
            clock: world.clock,
            random: createTestRandom('other'),
          }),
          tenantId: TENANT_ID,
          clientId: CLIENT_ID,
        },
        'provision',
      ),
    ]) {
      expect(await other.open(text)).toBeUndefined();
    }
    expect(await world.sealFor('provision').open(text.replace('k000001', 'k000002'))).toBeUndefined();
  });

  it.each([
    ['an object', { version: 1 }],
    ['an object that claims to be text', { toString: () => 'v2' }],
    ['a list', ['v2 k000001']],
    ['a number', 2],
    ['null', null],
    ['nothing', undefined],
    ['JSON', JSON_TEXT],
    ['version 1', `v1 k000001 ${'a'.repeat(43)} {}`],
    ['version 3', `v3 k000001 ${'a'.repeat(43)} {}`],
    ['no signature', 'v2 k000001  {}'],
    ['an empty text', ''],
  ])('is not %s', async (_what, entry) => {
    expect(await createRing().sealFor('provision').open(entry)).toBeUndefined();
  });

  it('opens for 48 hours after the next key begins to sign, and as a kept one for 30 days', async () => {
    const { clock, sealFor } = createRing();
    const text = await sealFor('provision').sign(JSON_TEXT);
    clock.advance(30 * DAY_MS);
    // Publishes the next key, which begins 10 minutes later.
    expect(await sealFor('provision').sign('{}')).toMatch(/^v2 k000001 /);
    clock.advance(10 * 60_000);
    expect(await sealFor('provision').sign('{}')).toMatch(/^v2 k000002 /);
    clock.advance(48 * HOUR_MS - 1);
    expect(await sealFor('provision').open(text)).toBe(JSON_TEXT);
    clock.advance(1);
    expect(await sealFor('provision').open(text)).toBeUndefined();
    expect(await sealFor('provision').open(text, 'keptMessage')).toBe(JSON_TEXT);
    clock.advance(28 * DAY_MS - 1);
    expect(await sealFor('provision').open(text, 'keptMessage')).toBe(JSON_TEXT);
    clock.advance(1);
    expect(await sealFor('provision').open(text, 'keptMessage')).toBeUndefined();
  });

  it('costs no request beyond the key ring, which is read once', async () => {
    const { tables, clock } = createRing();
    let reads = 0;
    const counted = tables.view(() => {
      reads += 1;
    });
    const keyRing = new KeyRing({ tables: counted, clock, random: createTestRandom() });
    const seal = createMessageSeal({ keyRing, tenantId: TENANT_ID, clientId: CLIENT_ID }, 'provision');
    const text = await seal.sign(JSON_TEXT);
    const first = reads;
    for (let count = 0; count < 100; count += 1) expect(await seal.open(text)).toBe(JSON_TEXT);
    await seal.sign(JSON_TEXT);
    expect(reads).toBe(first);
  });

  it('is not called forged while the key ring cannot be read', async () => {
    const fault = new Error('no answer');
    const broken = {
      sealingKey: async () => Promise.reject(fault),
      findKey: async () => Promise.reject(fault),
    };
    const seal = createMessageSeal(
      { keyRing: broken, tenantId: TENANT_ID, clientId: CLIENT_ID },
      'provision',
    );
    await expect(seal.open(`v2 k000001 ${'a'.repeat(43)} {}`)).rejects.toBe(fault);
    await expect(seal.sign('{}')).rejects.toBe(fault);
  });
});

describe('a queue that signs', () => {
  it('signs everything that is enqueued, and keeps its delay', async () => {
    const seal = createRing().sealFor('provision');
    const sent: unknown[] = [];
    const queue = signMessages(
      {
        check: async () => undefined,
        peek: async () => ({ at: '2026-11-23T09:00:00.000Z', messages: [], isComplete: true }),
        enqueue: async (text, options) => {
          sent.push([await seal.open(text), options]);
        },
      },
      seal,
    );
    await queue.enqueue('{"a":1}', { delaySeconds: 3 });
    await queue.enqueue('{"b":2}');
    expect(sent).toEqual([
      ['{"a":1}', { delaySeconds: 3 }],
      ['{"b":2}', undefined],
    ]);
  });
});
