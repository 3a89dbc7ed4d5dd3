/** A fault that the person at the terminal must fix. It is shown as its message alone, without a stack trace. */
export class CommandError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CommandError';
  }
}

/** Arguments that a command does not know or that contradict each other. The command's help is shown too. */
export class UsageError extends CommandError {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}
