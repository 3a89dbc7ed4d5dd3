import { describe, expect, it } from 'vitest';
import { createMessageSeal, type MessageSeal, signMessages } from '../../shared/queue/messageSeal.ts';
import { serializeProvisionMessage } from '../../shared/queue/queueMessage.ts';
import {
  parseRedriveRequest,
  redriveRequested,
  type RedrivableQueues,
} from '../../shared/queue/redriveRequest.ts';
import { keepPoison } from '../../shared/queue/queueWorker.ts';
import { editRow } from '../support/handEdits.ts';
import { CLIENT_ID, createTestKeyRing, TENANT_ID } from '../support/signInDoubles.ts';
import { ALICE, BOB, createWorld, message, type World } from '../support/world.ts';

interface Signed {
  readonly world: World;
  readonly seal: MessageSeal;
  readonly ring: ReturnType<typeof createTestKeyRing>;
  readonly queues: RedrivableQueues;
  /** Lets the poison handler keep an entry, as the host would hand it over. */
  keep(this: void, id: string, entry: unknown): Promise<void>;
}

function createSigned(): Signed {
  const world = createWorld();
  const ring = createTestKeyRing();
  const seal = createMessageSeal({ keyRing: ring, tenantId: TENANT_ID, clientId: CLIENT_ID }, 'provision');
  const plain = world.queueOf(world.provisionDeps);
  const unused = async (): Promise<never> => Promise.reject(new Error('not used'));
  const queue = signMessages(
    { check: async () => undefined, peek: unused, enqueue: plain.queue.enqueue },
    seal,
  );
  const provision = { ...plain, queue, seal };
  return {
    world,
    seal,
    ring,
    queues: { provision },
    keep: async (id, entry) => {
      const json = await seal.open(entry);
      await keepPoison(provision, { id, entry, isLastAttempt: false, opened: () => json });
    },
  };
}

const sign = async ({ seal }: Signed, ...of: Parameters<typeof message>): Promise<string> =>
  seal.sign(serializeProvisionMessage(message(...of)));

describe('redriving signed messages', () => {
  it('puts back what the poison handler found authentic, signed anew, and nothing else', async () => {
    const signed = createSigned();
    const { world, queues, keep, seal } = signed;
    await keep('ours', await sign(signed));
    await keep('json', serializeProvisionMessage(message({ appRoles: ['proxy_admin'] })));
    await keep('object', message({ appRoles: ['proxy_admin'] }));
    await keep('forged', (await sign(signed)).replace('Alice', 'Malice'));
    const answer = await redriveRequested(queues, { all: true });
    expect(answer).toMatchObject({
      redriven: 1,
      already_redriven: 0,
      not_authentic: 3,
      unreadable: 0,
      left: 0,
    });
    expect(answer.messages).toContainEqual({
      queue: 'provision',
      id: 'ours',
      result: 'redriven',
      reason: 'unexpected',
    });
    expect(world.queued).toHaveLength(1);
    expect(await seal.open(world.queued[0]?.text)).toContain('Alice Anderson');
    // A repeat changes nothing.
    expect(await redriveRequested(queues, { all: true })).toMatchObject({ redriven: 0, already_redriven: 1 });
    expect(await redriveRequested(queues, { id: 'ours' })).toMatchObject({
      redriven: 0,
      already_redriven: 1,
    });
    expect(world.queued).toHaveLength(1);
    expect(await redriveRequested(queues, { id: 'ours', again: true })).toMatchObject({ redriven: 1 });
    expect(await redriveRequested(queues, { id: 'json', again: true })).toMatchObject({ not_authentic: 1 });
  });

  it('does not believe a row in which a person has written that it is authentic', async () => {
    const signed = createSigned();
    const { world, queues, keep } = signed;
    const key = (rowKey: string) => ({
      table: 'ProvisioningFailures',
      key: { partitionKey: 'provision', rowKey },
    });
    await keep('json', serializeProvisionMessage(message({ appRoles: ['proxy_admin'] })));
    await keep('wrong', (await sign(signed)).replace('Alice', 'Malice'));
    await editRow(world.tables, key('json'), { authentic: true });
    await editRow(world.tables, key('wrong'), { authentic: true });
    await keep('denied', await sign(signed));
    await editRow(world.tables, key('denied'), { authentic: false });
    expect(await redriveRequested(queues, { all: true })).toMatchObject({ redriven: 0, not_authentic: 3 });
    expect(world.queued).toEqual([]);
  });

  it('leaves a message whose key was deleted, for example because it leaked', async () => {
    const signed = createSigned();
    await signed.keep('old', await sign(signed));
    signed.ring.keys.length = 0;
    expect(await redriveRequested(signed.queues, { all: true })).toMatchObject({ not_authentic: 1 });
  });

  it('selects by queue, person and reason', async () => {
    const signed = createSigned();
    const { queues, keep } = signed;
    await keep('alice', await sign(signed, { userId: ALICE }));
    await keep('bob', await sign(signed, { userId: BOB }));
    const selected = async (request: object): Promise<readonly string[]> =>
      (await redriveRequested(queues, { all: true, ...request })).messages.map(({ id }) => id);
    expect(await selected({ queue: 'litellm-sync' })).toEqual([]);
    expect(await selected({ reason: 'snapshot_missing' })).toEqual([]);
    expect(await selected({ user: BOB })).toEqual(['bob']);
    expect(await selected({ queue: 'provision', user: ALICE, reason: 'unexpected' })).toEqual(['alice']);
  });

  it('puts back at most 500 at once and counts what is left', async () => {
    const signed = createSigned();
    const text = await sign(signed);
    for (let count = 0; count < 503; count += 1) await signed.keep(`m${count}`, text);
    expect(await redriveRequested(signed.queues, { all: true })).toMatchObject({ redriven: 500, left: 3 });
    expect(await redriveRequested(signed.queues, { all: true })).toMatchObject({ redriven: 3, left: 0 });
  });
});

describe('parseRedriveRequest', () => {
  it.each([
    '{"all":true}',
    '{"id":"a-1"}',
    '{"id":"a-1","again":true}',
    '{"all":true,"queue":"litellm-sync","user":"u"}',
  ])('reads %s', (body) => {
    expect(parseRedriveRequest(body)).toEqual(JSON.parse(body));
  });

  it.each([
    '',
    'all',
    '[]',
    'null',
    '{}',
    '{"all":false}',
    '{"all":true,"id":"a"}',
    '{"id":"../x"}',
    '{"id":7}',
    '{"all":true,"queue":"other"}',
    '{"id":"a","text":"v2 k000001"}',
  ])('refuses %j', (body) => {
    expect(() => parseRedriveRequest(body)).toThrow(expect.objectContaining({ code: 'request_invalid' }));
  });
});
