/** The functions that run by themselves, and what the heartbeat knows about them (docs/decisions/0015-heartbeat.md). */

/** A timer function that this process registered. */
export interface RegisteredTimer {
  readonly name: string;
  /** The longest time between two runs of its schedule. */
  readonly periodSeconds: number;
}

/** A queue function that this process registered. */
export interface RegisteredQueueFunction {
  readonly name: string;
  readonly queueName: string;
}

/** The functions of this process that no request starts. Functions that the settings leave out are not among them. */
export interface RegisteredFunctions {
  readonly timers: readonly RegisteredTimer[];
  readonly queueFunctions: readonly RegisteredQueueFunction[];
}

/** Records that a function succeeded. Both throw `storage_unavailable`, `storage_refused`. */
export interface SuccessRecorder {
  recordTimer(this: void, name: string): Promise<void>;
  /** Writes at most one row in 10 minutes, over all instances. */
  recordQueueFunction(this: void, name: string): Promise<void>;
}

/** When a function succeeded last, and since when the heartbeat knows it. ISO 8601 UTC. */
export interface FunctionRecord {
  readonly succeededAt?: string;
  readonly firstStartedAt?: string;
}

/** A message that was visible at a heartbeat. */
export interface SeenMessage {
  readonly id: string;
  /** How often the host had taken it by then. */
  readonly deliveries: number;
  /** Since when it is visible, as far as that is known. ISO 8601 UTC, by the clock of the storage account. */
  readonly since: string;
}

/** The visible messages of a queue at one heartbeat. */
export interface QueueLook {
  /** ISO 8601 UTC, by the clock of the storage account. */
  readonly at: string;
  /** Whether `messages` are all that were visible. */
  readonly isComplete: boolean;
  readonly messages: readonly SeenMessage[];
}
