/** What the steps of one push to the LiteLLM proxy share. */
import type { SyncRecord } from '../storage/syncRecord.ts';
import type { Store } from '../storage/store.ts';
import { AppError } from '../model/errors.ts';
import type { Clock, MessageQueue, Random } from '../model/ports.ts';
import type { LitellmClient } from '../model/litellmPorts.ts';

/** What a push needs from outside. */
export interface SyncDeps {
  readonly store: Pick<Store, 'users' | 'teamMemberships' | 'organizationMemberships' | 'entities'>;
  readonly proxy: LitellmClient;
  readonly record: SyncRecord;
  /** The queue `push`. */
  readonly queue: Pick<MessageQueue, 'enqueue'>;
  readonly clock: Clock;
  readonly random: Pick<Random, 'bytes'>;
  sleep(this: void, durationMs: number): Promise<void>;
}

/** What one push changed in the proxy. */
export interface SyncChanges {
  /** Memberships. */
  readonly added: number;
  readonly changed: number;
  readonly removed: number;
}

/** Gives a number from 0 up to, but not including, 1: so that those who wait for the same thing do not come back at once. */
export function jitter(random: SyncDeps['random']): number {
  return (random.bytes(1)[0] ?? 0) / 256;
}

/**
 * Collects what went wrong with single things, so that the rest is done before it is thrown: what one broken organization answers
 * must not keep somebody in all others. What concerns the proxy as a whole is thrown at once.
 */
export class Troubles {
  #kept: AppError | undefined;

  /** Keeps the error if it is about one thing alone; throws it otherwise. */
  keep(error: unknown): void {
    if (!(error instanceof AppError) || !isAboutOneThing(error)) throw error;
    // A write that may still take effect is the one to be thrown: whoever holds the person's lease must then not give it up.
    if (this.#kept === undefined || (mayStillTakeEffect(error) && !mayStillTakeEffect(this.#kept)))
      this.#kept = error;
  }

  /** Throws the first one that was kept; of those that may still take effect the first, where there is one. */
  throwKept(): void {
    if (this.#kept !== undefined) throw this.#kept;
  }
}

/** Whether it is a write whose answer was lost, which may still take effect: nobody else may write until the lease has run out. */
export function mayStillTakeEffect(error: unknown): boolean {
  return error instanceof AppError && error.details['mayHaveWritten'] === true;
}

/** LiteLLM answered, but with an error of its own or with something that nobody can read. */
function isAboutOneThing({ code, details }: AppError): boolean {
  return code === 'litellm_answer_invalid' || (code === 'litellm_unreachable' && details['status'] === 500);
}
