import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parkedListOf } from '../../shared/storage/parkedSnapshots.ts';
import * as z from 'zod/mini';
import { isSafeId } from '../../shared/model/entities.ts';
import { AppError } from '../../shared/model/errors.ts';
import {
  MAX_DELIVERIES,
  PROVISION_POISON_QUEUE,
  PROVISION_QUEUE,
  QUEUES,
  isTraceparent,
  type InlineMessage,
  MAX_INLINE_BYTES,
  parseProvisionMessage,
  serializeProvisionMessage,
} from '../../shared/queue/queueMessage.ts';

const message: InlineMessage = {
  version: 1,
  id: 'b8f1c2d3-0000-4000-8000-000000000001',
  observed_at: '2026-01-01T00:00:00.000Z',
  person: {
    user_id: 'user-1',
    tenant_id: 'tenant-1',
    display_name: 'Alice Ødegård',
    user_email: 'alice@company.com',
    app_roles: ['org_admin'],
  },
  groups_source: 'claim',
  group_ids: ['entra-group-123'],
  enqueued_at: '2026-01-01T00:00:01.000Z',
};

/** A message with something changed, as JSON (`undefined`: not there). */
function changed(change: object): string {
  return JSON.stringify({ ...message, ...change });
}

function refusalOf(entry: string): AppError {
  try {
    parseProvisionMessage(entry);
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('the message was accepted');
}

const pathsOf = (entry: string): unknown => refusalOf(entry).details['paths'];

describe('parseProvisionMessage', () => {
  it('reads back what was serialized', () => {
    expect(parseProvisionMessage(serializeProvisionMessage(message))).toEqual(message);
  });

  it('reads a parked list, a wait and a trace context', () => {
    const { group_ids: _, ...body } = message;
    const parked = {
      ...body,
      parked: parkedListOf(message.id, ['a', 'b']),
      waiting: { since: '2026-01-01T00:00:02.000Z', tries: 3 },
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    };
    expect(parseProvisionMessage(serializeProvisionMessage(parked))).toEqual(parked);
  });

  it('reads an empty list as an empty list', () => {
    expect(parseProvisionMessage(changed({ group_ids: [] }))).toMatchObject({ group_ids: [] });
  });

  it('drops fields that it does not know', () => {
    expect(parseProvisionMessage(changed({ later: true }))).toEqual(message);
  });

  it.each([
    ['text that is no JSON', '{', ['(whole message)']],
    ['nothing', '', ['(whole message)']],
    ['null', 'null', ['(whole message)']],
    ['a list', '[]', ['(whole message)']],
    ['another version', changed({ version: 2 }), ['version']],
    ['an id that is no table key', changed({ id: 'a/b' }), ['id']],
    ['a time that is no instant', changed({ observed_at: 'yesterday' }), ['observed_at']],
    ['a time with an offset', changed({ observed_at: '2026-01-01T00:00:00+02:00' }), ['observed_at']],
    ['no person', changed({ person: undefined }), ['person']],
    ['a person without roles', changed({ person: { user_id: 'u', tenant_id: 't' } }), ['person.app_roles']],
    ['a group id that is no table key', changed({ group_ids: ['ok', '../x'] }), ['group_ids[1]']],
    ['neither list nor parked list', changed({ group_ids: undefined }), ['group_ids']],
    ['both', changed({ parked: parkedListOf('s', ['a']) }), ['group_ids']],
    [
      'a negative count',
      changed({ group_ids: undefined, parked: { ...parkedListOf('s', []), count: -1 } }),
      ['parked.count'],
    ],
    [
      'a parked list without its hash',
      changed({ group_ids: undefined, parked: { snapshot_id: 's', count: 1 } }),
      ['parked.sha256'],
    ],
  ])('refuses %s and names the paths', (_, entry, paths) => {
    expect(refusalOf(entry)).toMatchObject({
      code: 'message_unreadable',
      retryable: false,
      details: { paths },
    });
  });

  it('names at most ten paths and no value', () => {
    const entry = changed({ group_ids: Array.from({ length: 50 }, () => 'alice@company.com') });
    expect(pathsOf(entry)).toHaveLength(10);
    expect(JSON.stringify(pathsOf(entry))).not.toContain('alice');
  });
});

describe('isSafeId', () => {
  it.each(['a', 'entra-group-123', '6e9d3f0c-64a9-4f3e-9f4e-2f2d1a6b7c8d', 'A.b_c-1', 'x'.repeat(128)])(
    'takes %s',
    (id) => {
      expect(isSafeId(id)).toBe(true);
    },
  );

  it.each(['', '-a', '.a', '..', 'a/b', 'a\\b', 'a#b', 'a?b', 'a b', 'a\n', 'ä', "a'b", 'x'.repeat(129)])(
    'refuses %j',
    (id) => {
      expect(isSafeId(id)).toBe(false);
    },
  );
});

describe('MAX_INLINE_BYTES', () => {
  it('leaves room below the queue’s 64 KiB of base64 for what is added while a message waits', () => {
    const added = JSON.stringify({ waiting: { since: '2026-01-01T00:00:02.000Z', tries: 999_999 } }).length;
    const signature = `v2 k000001 ${'m'.repeat(43)} `.length;
    expect(Math.ceil((MAX_INLINE_BYTES + added + signature) / 3) * 4).toBeLessThanOrEqual(64 * 1024);
  });
});

describe('host.json', () => {
  const { extensions } = z
    .object({
      extensions: z.object({
        queues: z.object({ maxDequeueCount: z.number(), messageEncoding: z.string() }),
      }),
    })
    .parse(JSON.parse(readFileSync(new URL('../../host.json', import.meta.url), 'utf8')));

  it('ends after as many deliveries as the worker counts', () => {
    expect(extensions.queues.maxDequeueCount).toBe(MAX_DELIVERIES);
  });

  it('reads base64, which the queue’s adapter writes', () => {
    expect(extensions.queues.messageEncoding).toBe('base64');
  });

  it('moves what it gave up on to the queue that the product reads', () => {
    // The host's own rule: the queue's name with -poison.
    expect(PROVISION_POISON_QUEUE).toBe(`${PROVISION_QUEUE}-poison`);
  });

  it('finds every queue, created by infra/app/storage.bicep', () => {
    const text = readFileSync(new URL('../../infra/app/storage.bicep', import.meta.url), 'utf8');
    for (const name of QUEUES) expect(text).toContain(`'${name}'`);
  });
});

describe('isTraceparent', () => {
  it('accepts a W3C trace context and nothing else', () => {
    expect(isTraceparent('00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01')).toBe(true);
    for (const header of [undefined, '', 'x', '00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01']) {
      expect(isTraceparent(header)).toBe(false);
    }
  });
});
