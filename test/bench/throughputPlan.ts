/** What the measurement of throughput and its child process agree on. */
import { z } from 'zod';

/** host.json's two numbers; at most `batchSize + newBatchThreshold` messages run at once. */
export interface Concurrency {
  readonly batchSize: number;
  readonly newBatchThreshold: number;
}

export const KINDS = ['unchanged', 'first', 'mixed'] as const;
export type Kind = (typeof KINDS)[number];

/** Few enough for many short rounds; a first sign-in writes some 30 rows. */
export const MESSAGES_A_ROUND: Readonly<Record<Kind, number>> = { unchanged: 200, first: 60, mixed: 120 };

/** 16 and 32 at once. */
export const SETTINGS: readonly Concurrency[] = [
  { batchSize: 8, newBatchThreshold: 8 },
  { batchSize: 16, newBatchThreshold: 16 },
];

/** The pairs of which host.json's numbers are chosen. */
export const CURVE: readonly Concurrency[] = [
  { batchSize: 1, newBatchThreshold: 0 },
  { batchSize: 4, newBatchThreshold: 2 },
  { batchSize: 8, newBatchThreshold: 4 },
  { batchSize: 16, newBatchThreshold: 0 },
  { batchSize: 16, newBatchThreshold: 8 },
  { batchSize: 16, newBatchThreshold: 16 },
  { batchSize: 32, newBatchThreshold: 16 },
  { batchSize: 32, newBatchThreshold: 32 },
];

const roundSchema = z.object({
  batchSize: z.number(),
  newBatchThreshold: z.number(),
  kind: z.enum(KINDS),
  ours: z.number(),
  raw: z.number(),
  floor: z.number(),
});

/** Messages a second of one round, each way; `floor` is the least that storage must do. 0: not measured. */
export type Round = z.infer<typeof roundSchema>;

/** What the child prints when it is done. */
export const throughputResultSchema = z.object({
  rounds: z.array(roundSchema),
  curve: z.array(roundSchema),
});
