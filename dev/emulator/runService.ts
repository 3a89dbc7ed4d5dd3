/** The life of a child process of the local stack: one ready line, then work, then an orderly end. */

export interface RunningService {
  /** Becomes the ready line. The parent waits for it (see `startChild`). */
  readonly ready: object;
  stop(this: void): Promise<void>;
}

export interface ServiceOptions {
  /** Appears in the error text. */
  readonly name: string;
  readonly start: () => Promise<RunningService>;
}

/**
 * Starts a service and prints its ready line as JSON on standard output. SIGTERM and SIGINT stop it. A failure to start
 * is printed on standard error and ends the process with code 1.
 */
export async function runService({ name, start }: ServiceOptions): Promise<void> {
  try {
    const { ready, stop } = await start();
    let stopping: Promise<void> | undefined;
    const end = async (): Promise<void> => {
      stopping ??= stop();
      await stopping.then(
        () => process.exit(0),
        () => process.exit(1),
      );
    };
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => void end());
    }
    process.stdout.write(`${JSON.stringify(ready)}\n`);
  } catch (error) {
    process.stderr.write(`${name}: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  }
}
