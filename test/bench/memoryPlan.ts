/** What the measurement of memory and its child processes agree on. */
import { z } from 'zod';

export const MEMORY_KINDS = ['signIn', 'provisioning'] as const;
export type MemoryKind = (typeof MEMORY_KINDS)[number];

export interface MemoryPlan {
  readonly operations: number;
  /** Operations between two looks at the heap. */
  readonly between: number;
}

/** The first look is after 1,000; the whole thing takes some two minutes. */
export const FULL_PLAN: MemoryPlan = { operations: 50_000, between: 1_000 };
export const QUICK_PLAN: MemoryPlan = { operations: 2_000, between: 250 };

const sampleSchema = z.object({
  operations: z.number(),
  heapUsed: z.number(),
  /** Buffers outside of the heap. */
  external: z.number(),
  rss: z.number(),
});

/** Bytes after a forced collection. */
export type MemorySample = z.infer<typeof sampleSchema>;

/** What a child prints when it is done. */
export const memoryResultSchema = z.object({ samples: z.array(sampleSchema), cpuMs: z.number() });
