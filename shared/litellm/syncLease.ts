/**
 * Leases: one writer at a time for one person, organization or team, across all instances (docs/decisions/0011-litellm-sink.md).
 * LiteLLM reads a team's members as one list, changes it and writes it back, so two writers at once lose a member.
 */
import { AppError } from '../model/errors.ts';
import type { SyncSubject } from '../model/synced.ts';
import type { HeldLease } from '../storage/syncRecord.ts';
import { jitter, type SyncDeps } from './syncDeps.ts';
import { mayStillTakeEffect } from './syncErrors.ts';

/** How long a lease lasts unless it is renewed. */
const LEASE_MS = 60_000;

/** The longest that one call may take: its time-out of 10 s, and room for a slow clock. */
const LONGEST_CALL_MS = 20_000;

/** How long a sync waits for a lease before its message is put back. */
const LEASE_WAIT_MS = 5_000;
const FIRST_WAIT_MS = 40;
const LONGEST_WAIT_MS = 1_000;

type LeaseDeps = Pick<SyncDeps, 'record' | 'clock' | 'random' | 'sleep'>;

export function overtaken(subject: SyncSubject): AppError {
  return new AppError('sync_overtaken', 'Another sync is writing to the same part of LiteLLM.', {
    retryable: true,
    details: { subject: subject.kind, id: subject.id },
  });
}

/**
 * A lease that this process holds. Every holder releases it:
 * @example
 * const lease = await takeLease(deps, subject);
 * try {
 *   return await write();
 * } catch (error) {
 *   lease.noteFailure(error);
 *   throw error;
 * } finally {
 *   await lease.release();
 * }
 */
export class SyncLease {
  readonly #deps: LeaseDeps;
  #held: HeldLease;
  #renewal: Promise<void> | undefined;
  #mustRunOut = false;

  constructor(deps: LeaseDeps, held: HeldLease) {
    this.#deps = deps;
    this.#held = held;
  }

  /**
   * Renews the lease if a call that starts now might outlast it: no request, or one. Calls at the same time share that request.
   * Throws `sync_overtaken`.
   */
  async keep(): Promise<void> {
    if (this.#held.expiresAtMs - this.#deps.clock.now().getTime() >= LONGEST_CALL_MS) return;
    this.#renewal ??= this.write(async (held) => this.#deps.record.renewLease(held, LEASE_MS)).finally(() => {
      this.#renewal = undefined;
    });
    await this.#renewal;
  }

  /** Writes to the sync record under the lease. Throws `sync_overtaken` if another holder has taken it over. */
  async write(work: (held: HeldLease) => Promise<HeldLease | undefined>): Promise<void> {
    const moved = await work(this.#held);
    if (moved === undefined) throw overtaken(this.#held.subject);
    this.#held = moved;
  }

  /** After a write whose answer was lost, the lease is not released but runs out: until then the write may still take effect. */
  noteFailure(error: unknown): void {
    if (mayStillTakeEffect(error)) this.#mustRunOut = true;
  }

  /** Ends the lease: one write. Never throws, so that it hides no other error: a lease that cannot be released runs out. */
  async release(): Promise<void> {
    if (this.#mustRunOut) return;
    try {
      await this.#deps.record.releaseLease(this.#held);
    } catch {
      // It runs out by itself.
    }
  }
}

/** Takes the lease of a subject if it is free: 1 request of storage, or 2. Returns `undefined` if another sync holds it. */
export async function takeFreeLease(deps: LeaseDeps, subject: SyncSubject): Promise<SyncLease | undefined> {
  const held = await deps.record.takeLease(subject, LEASE_MS);
  return held && new SyncLease(deps, held);
}

/**
 * Takes the lease of a subject: 2 requests of storage, and as many again for each time that another holder has it. Holders of an
 * entity's lease take no second one, so no two syncs wait for each other.
 * Throws `sync_overtaken` (retryable) if the lease is not free within {@link LEASE_WAIT_MS}.
 */
export async function takeLease(deps: LeaseDeps, subject: SyncSubject): Promise<SyncLease> {
  const giveUpMs = deps.clock.now().getTime() + LEASE_WAIT_MS;
  for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(LONGEST_WAIT_MS, waitMs * 2)) {
    const lease = await takeFreeLease(deps, subject);
    if (lease !== undefined) return lease;
    if (deps.clock.now().getTime() >= giveUpMs) throw overtaken(subject);
    await deps.sleep(waitMs * (0.5 + jitter(deps.random)));
  }
}
