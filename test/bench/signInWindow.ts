import { z } from 'zod';

export const subjectWindowSchema = z.object({
  /** Each callback: received → answer handed to the system, in milliseconds. */
  durationsMs: z.array(z.number()),
  /** User and system, all threads. */
  cpuMs: z.number(),
});

/** What one process did between two questions. */
export type SubjectWindow = z.infer<typeof subjectWindowSchema>;
