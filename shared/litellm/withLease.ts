/**
 * One writer at a time about one person, organization or team, over all instances (docs/decisions/0011-litellm-sink.md).
 * LiteLLM keeps a team's members as one list that it reads, changes and writes, so two writers at once lose a member.
 */
import type { HeldLease } from '../storage/syncRecord.ts';
import type { SyncSubject } from '../model/synced.ts';
import { AppError } from '../model/errors.ts';
import { jitter, mayStillTakeEffect, type SyncDeps } from './syncDeps.ts';

/** How long a lease holds without being renewed. */
export const LEASE_MS = 60_000;

/** The longest that one call may take, with its time-out of 15 s and room for a slow clock. */
const LONGEST_CALL_MS = 25_000;

/** How long somebody waits for a lease before the message is put back. */
export const LEASE_WAIT_MS = 5_000;
const FIRST_WAIT_MS = 40;
const LONGEST_WAIT_MS = 1_000;

type LeaseDeps = Pick<SyncDeps, 'record' | 'clock' | 'random' | 'sleep'>;

function overtaken(subject: SyncSubject): AppError {
  return new AppError('sync_overtaken', 'Somebody else writes about the same to LiteLLM.', {
    retryable: true,
    details: { subject: subject.kind, id: subject.id },
  });
}

/** A lease while it is held. */
export class SyncLease {
  readonly #deps: LeaseDeps;
  #held: HeldLease;

  constructor(deps: LeaseDeps, held: HeldLease) {
    this.#deps = deps;
    this.#held = held;
  }

  get held(): HeldLease {
    return this.#held;
  }

  /** Makes sure that a call begun now ends while the lease holds: no request, or one. Throws `sync_overtaken`. */
  async keep(): Promise<void> {
    if (this.#held.expiresAtMs - this.#deps.clock.now().getTime() >= LONGEST_CALL_MS) return;
    await this.write(async (held) => this.#deps.record.renewLease(held, LEASE_MS));
  }

  /** Writes something of the record under the lease. Throws `sync_overtaken` where somebody else has taken it. */
  async write(work: (held: HeldLease) => Promise<HeldLease | undefined>): Promise<void> {
    const moved = await work(this.#held);
    if (moved === undefined) throw overtaken(this.#held.subject);
    this.#held = moved;
  }
}

async function requireLease(deps: LeaseDeps, subject: SyncSubject): Promise<HeldLease> {
  const giveUpMs = deps.clock.now().getTime() + LEASE_WAIT_MS;
  for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(LONGEST_WAIT_MS, waitMs * 2)) {
    const held = await deps.record.takeLease(subject, LEASE_MS);
    if (held !== undefined) return held;
    if (deps.clock.now().getTime() >= giveUpMs) throw overtaken(subject);
    await deps.sleep(waitMs * (0.5 + jitter(deps.random)));
  }
}

/**
 * Runs `work` while nobody else writes about the subject: 3 requests of storage (4 for each one who is waited for). Nobody who
 * holds the lease of an entity waits for another one, so no two runs wait for each other.
 * Throws `sync_overtaken` (retryable) where the lease could not be had in {@link LEASE_WAIT_MS} or was taken over.
 */
export async function withLease<T>(
  deps: LeaseDeps,
  subject: SyncSubject,
  work: (lease: SyncLease) => Promise<T>,
): Promise<T> {
  const lease = new SyncLease(deps, await requireLease(deps, subject));
  let leaveIt = false;
  try {
    return await work(lease);
  } catch (error) {
    leaveIt = mayStillTakeEffect(error);
    throw error;
  } finally {
    if (!leaveIt) await release(deps, lease);
  }
}

/** Best effort: a lease that cannot be released runs out, and must not hide what the work gave or threw. */
async function release(deps: LeaseDeps, lease: SyncLease): Promise<void> {
  try {
    await deps.record.releaseLease(lease.held);
  } catch {
    // It runs out by itself.
  }
}
