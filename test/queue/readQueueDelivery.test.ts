import { describe, expect, it } from 'vitest';
import { readQueueDelivery } from '../../shared/queue/readQueueDelivery.ts';

const INVOCATION = 'the-invocation';
const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

describe('a delivery', () => {
  it('has what the host and the entry say', () => {
    const context = { invocationId: INVOCATION, triggerMetadata: { id: 'message-1', dequeueCount: 3 } };
    expect(readQueueDelivery(context, 'provision', { traceparent: TRACEPARENT })).toEqual({
      id: 'message-1',
      attempt: 3,
      isLastAttempt: false,
      trigger: { kind: 'queue', queueName: 'provision', attempt: 3, traceparent: TRACEPARENT },
    });
  });

  it.each([
    { dequeueCount: 4, isLastAttempt: false },
    { dequeueCount: 5, isLastAttempt: true },
    { dequeueCount: '6', isLastAttempt: true },
  ])('that is counted $dequeueCount is the last one: $isLastAttempt', ({ dequeueCount, isLastAttempt }) => {
    const context = { invocationId: INVOCATION, triggerMetadata: { dequeueCount } };
    expect(readQueueDelivery(context, 'litellm-sync', 'no JSON').isLastAttempt).toBe(isLastAttempt);
  });

  it('of which the host says nothing is the first, under the id of the invocation', () => {
    expect(readQueueDelivery({ invocationId: INVOCATION }, 'litellm-sync', undefined)).toEqual({
      id: INVOCATION,
      attempt: 1,
      isLastAttempt: false,
      trigger: { kind: 'queue', queueName: 'litellm-sync', attempt: 1, traceparent: undefined },
    });
  });
});
