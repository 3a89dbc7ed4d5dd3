/** Works the queue off as the Functions host does: batches, several messages at once on every instance. */
import type { QueueClient } from '@azure/storage-queue';
import type { QueueOptions } from '../../../dev/host/hostJson.ts';
import { processMessage } from '../../../dev/host/queueProcessor.ts';
import type { ProvisionResult } from '../../../shared/provisioning/provisionUser.ts';
import { provisionUser } from '../../../shared/provisioning/provisionUser.ts';
import { parseProvisionMessage } from '../../../shared/queue/provisionMessage.ts';
import type { Instance } from './office.ts';

export interface WorkCounts {
  receives: number;
  deletes: number;
  readonly results: Map<ProvisionResult['status'], number>;
  memberships: { granted: number; removed: number };
}

export interface WorkOptions {
  readonly queue: QueueClient;
  readonly host: QueueOptions;
  readonly instances: readonly Instance[];
  readonly counts: WorkCounts;
}

/** Gives counts at zero. */
export function createWorkCounts(): WorkCounts {
  return { receives: 0, deletes: 0, results: new Map(), memberships: { granted: 0, removed: 0 } };
}

/** Longer than the slowest message of a busy machine: nothing is given out twice. */
const LEASE_SECONDS = 300;

async function runOne(instance: Instance, text: string, counts: WorkCounts): Promise<void> {
  const result = await provisionUser(instance.provision, parseProvisionMessage(text), {
    attempt: 1,
    isLastAttempt: false,
  });
  counts.results.set(result.status, (counts.results.get(result.status) ?? 0) + 1);
  counts.memberships.granted += result.changes?.granted ?? 0;
  counts.memberships.removed += result.changes?.removed ?? 0;
}

/**
 * Works off exactly `expected` messages that are in the queue, and ends when they are deleted. An instance takes a batch
 * whenever at most `newBatchThreshold` of its messages run. Throws the first failure of a run: here none may fail.
 */
export async function workOff(options: WorkOptions, expected: number): Promise<void> {
  const { queue, host, counts } = options;
  let waiting = expected;
  const failures: unknown[] = [];
  const process = async (
    instance: Instance,
    message: Parameters<typeof processMessage>[1],
  ): Promise<void> => {
    const outcome = await processMessage(
      { queue, poison: undefined, options: host, leaseSeconds: LEASE_SECONDS },
      message,
      async (text) => {
        try {
          await runOne(instance, text, counts);
        } catch (error) {
          failures.push(error);
          throw error;
        }
      },
    );
    if (outcome === 'deleted') counts.deletes += 1;
  };
  const runInstance = async (instance: Instance): Promise<void> => {
    const running = new Set<Promise<void>>();
    while (waiting > 0 && failures.length === 0) {
      if (running.size > host.newBatchThreshold) {
        await Promise.race(running);
        continue;
      }
      counts.receives += 1;
      const { receivedMessageItems } = await queue.receiveMessages({
        numberOfMessages: host.batchSize,
        visibilityTimeout: LEASE_SECONDS,
      });
      waiting -= receivedMessageItems.length;
      for (const message of receivedMessageItems) {
        const one = process(instance, message).finally(() => running.delete(one));
        running.add(one);
      }
      if (receivedMessageItems.length === 0 && running.size > 0) await Promise.race(running);
    }
    await Promise.all(running);
  };
  await Promise.all(options.instances.map(runInstance));
  if (failures.length > 0) throw failures[0];
}
