/** The fields that show how far a provisioning, or LiteLLM's update, has got. */
export interface Progress {
  readonly id?: unknown;
  readonly status?: unknown;
  readonly reason?: unknown;
  readonly attempts?: unknown;
  readonly updated_at?: unknown;
  readonly next_try_at?: unknown;
}

/**
 * Returns a text that changes whenever the provisioning's progress changes. The server writes it into the page and the page's script
 * computes it from each answer, so both know whether the page is still current. Pure.
 */
export function progressKey(provisioning: Progress): string {
  return joinKey([provisioning.id, ...stepsOf(provisioning)]);
}

/** Returns the same for what LiteLLM knows. Pure. */
export function litellmKey(litellm: Progress): string {
  return joinKey(stepsOf(litellm));
}

/** Joins parts, and keeps the place of each absent one. */
export function joinKey(parts: readonly unknown[]): string {
  return parts.map((part) => (typeof part === 'string' || typeof part === 'number' ? part : '')).join('|');
}

function stepsOf(progress: Progress): readonly unknown[] {
  const { status, reason, attempts, updated_at: updatedAt, next_try_at: nextTryAt } = progress;
  return [status, reason, attempts, updatedAt, nextTryAt];
}
