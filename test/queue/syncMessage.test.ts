import { describe, expect, it } from 'vitest';
import { AppError } from '../../shared/model/errors.ts';
import { parseSyncMessage, type SyncMessage } from '../../shared/queue/queueMessage.ts';

const message: SyncMessage = {
  version: 1,
  subject: { kind: 'team', id: 'entra-group-123' },
  waiting: { since: '2026-11-23T09:00:00.000Z', tries: 2 },
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  enqueued_at: '2026-11-23T08:59:00.000Z',
};

function failureOf(entry: string): AppError {
  try {
    parseSyncMessage(entry);
  } catch (error) {
    if (error instanceof AppError) return error;
  }
  throw new Error('It was read.');
}

describe('a sync message', () => {
  it('comes back as it was', () => {
    expect(parseSyncMessage(JSON.stringify(message))).toEqual(message);
  });

  it('loses what it does not know', () => {
    expect(parseSyncMessage(JSON.stringify({ ...message, secret: 'x' }))).toEqual(message);
  });

  it.each([
    ['no JSON', '(whole message)'],
    [{ ...message, version: 2 }, 'version'],
    [{ ...message, subject: { kind: 'key', id: 'x' } }, 'subject.kind'],
    [{ ...message, subject: { kind: 'user', id: '../x' } }, 'subject.id'],
    [{ ...message, traceparent: 'alice@company.com' }, 'traceparent'],
  ])('that is not one names what is wrong and none of its values: %j', (entry, path) => {
    const failure = failureOf(typeof entry === 'string' ? entry : JSON.stringify(entry));
    expect(failure).toMatchObject({
      code: 'message_unreadable',
      retryable: false,
      details: { paths: [path] },
    });
    expect(JSON.stringify(failure)).not.toContain('alice');
  });
});
