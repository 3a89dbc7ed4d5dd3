/** Seals for tests of queues. */
import { randomBytes, randomUUID } from 'node:crypto';
import { createMessageSeal, type MessageSeal } from '../../shared/queue/messageSeal.ts';
import type { PoisonMessage } from '../../shared/queue/queueWorker.ts';
import { KeyRing } from '../../shared/storage/keyRing.ts';
import { createAzureTables } from '../../shared/storage/tables/azureTables.ts';

/** Accepts every text as it is, for tests that are not about signatures. */
export const acceptsAllText: MessageSeal = {
  sign: async (json) => Promise.resolve(json),
  open: async (entry) => Promise.resolve(typeof entry === 'string' ? entry : undefined),
};

/** Returns a poison message whose entry counts as signed if it is text. */
export function poisonOf(poison: Partial<PoisonMessage>): PoisonMessage {
  const { entry = '' } = poison;
  return {
    id: 'poison-1',
    isLastAttempt: false,
    opened: () => (typeof entry === 'string' ? entry : undefined),
    ...poison,
    entry,
  };
}

/** Returns the seal that the app of a running stack uses: it reads the same key ring. */
export function sealOf(
  stack: {
    readonly storageConnectionString: string;
    readonly tenantId: string;
    readonly clientId: string;
  },
  queueName = 'provision',
): MessageSeal {
  const { storageConnectionString: connectionString, tenantId, clientId } = stack;
  const keyRing = new KeyRing({
    tables: createAzureTables({ connection: { kind: 'connectionString', connectionString } }),
    clock: { now: () => new Date() },
    random: { bytes: (count) => randomBytes(count), uuid: () => randomUUID() },
  });
  return createMessageSeal({ keyRing, tenantId, clientId }, queueName);
}
