/** What the measurement of memory and its child processes agree on. */
import { z } from 'zod';

export const MEMORY_KINDS = ['signIn', 'provisioning'] as const;
export type MemoryKind = (typeof MEMORY_KINDS)[number];

export interface MemoryPlan {
  readonly operations: number;
  /** Operations between two looks at the heap. */
  readonly between: number;
}

/** The first look is after 1,000; the whole thing takes some two and a half minutes. */
export const FULL_PLAN: MemoryPlan = { operations: 50_000, between: 1_000 };
export const QUICK_PLAN: MemoryPlan = { operations: 2_000, between: 250 };

const sampleSchema = z.object({
  operations: z.number(),
  heapUsed: z.number(),
  /** The part of it that is compiled code. */
  code: z.number(),
  /** Buffers outside of the heap. */
  external: z.number(),
  rss: z.number(),
  /** Whether V8 compiles nothing any more. */
  settled: z.boolean(),
});

/** Bytes after a forced collection. */
export type MemorySample = z.infer<typeof sampleSchema>;

/** What a child prints when it is done. */
export const memoryResultSchema = z.object({ samples: z.array(sampleSchema), cpuMs: z.number() });
export type MemoryResult = z.infer<typeof memoryResultSchema>;

const grantSchema = z.object({ authorizeUrl: z.string(), claims: z.record(z.string(), z.unknown()) });

/** What a person who signs in at an authorize URL brings back. */
export type Grant = z.infer<typeof grantSchema>;

/** Gives the code that holds all that Entra would remember of it. */
export function codeOf(grant: Grant): string {
  return Buffer.from(JSON.stringify(grant)).toString('base64url');
}

/** Gives what {@link codeOf} put into a code. Throws for any other text. */
export function readCode(code: string): Grant {
  return grantSchema.parse(JSON.parse(Buffer.from(code, 'base64url').toString('utf8')));
}
