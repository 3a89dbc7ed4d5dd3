/** What the emulator's process says when it is ready. */
import { z } from 'zod';

export const readyLineSchema = z.object({
  ready: z.literal(true),
  /** For `LITELLM_BASE_URL`, for a browser, and the control interface. */
  url: z.string(),
  /** For `LITELLM_API_KEY`. */
  masterKey: z.string(),
  profile: z.enum(['older', 'newer']),
});

export type ReadyLine = z.infer<typeof readyLineSchema>;
