import { describe, expect, it } from 'vitest';
import { readDelivery } from '../../shared/triggers/onQueue.ts';

const INVOCATION = 'the-invocation';

describe('readDelivery', () => {
  it('reads the id and the number of the delivery', () => {
    const context = { invocationId: INVOCATION, triggerMetadata: { id: 'message-1', dequeueCount: 3 } };
    expect(readDelivery(context)).toEqual({
      id: 'message-1',
      attempt: 3,
      isLastAttempt: false,
    });
  });

  it.each([
    { dequeueCount: 4, isLastAttempt: false },
    { dequeueCount: 5, isLastAttempt: true },
    { dequeueCount: '6', isLastAttempt: true },
  ])(
    'says of delivery $dequeueCount whether it is the last: $isLastAttempt',
    ({ dequeueCount, isLastAttempt }) => {
      const context = { invocationId: INVOCATION, triggerMetadata: { dequeueCount } };
      expect(readDelivery(context).isLastAttempt).toBe(isLastAttempt);
    },
  );

  it('takes the id of the invocation, and the first delivery, if the host says nothing', () => {
    expect(readDelivery({ invocationId: INVOCATION })).toEqual({
      id: INVOCATION,
      attempt: 1,
      isLastAttempt: false,
    });
  });
});
