import { AppError } from '../shared/model/errors.ts';
import { CommandError, UsageError } from './commandError.ts';
import { loopbackDirect } from './loopbackDirect.ts';
import { print, printError } from './print.ts';

export interface Command {
  /** Printed for `--help` and after a {@link UsageError}. */
  readonly help: string;
  /** `args`: what follows the command's name. */
  readonly run: (args: readonly string[]) => Promise<void>;
}

/**
 * Runs a command of this repository: the one door to all of them. It answers `--help` and `-h`, keeps loopback away from a proxy,
 * and turns a failure into a plain sentence. Exit code 2: wrong arguments; 1: another failure.
 */
export async function runCommand({ help, run }: Command): Promise<void> {
  Object.assign(process.env, loopbackDirect(process.env));
  const args = process.argv.slice(2);
  if (args.some((argument) => argument === '--help' || argument === '-h')) {
    print(help);
    return;
  }
  try {
    await run(args);
  } catch (error) {
    printError(describeFailure(error));
    if (error instanceof UsageError) printError(`\n${help}`);
    process.exitCode = error instanceof UsageError ? 2 : 1;
  }
}

/**
 * Returns a plain sentence for a failure that a person can act on: a CommandError, an error of this product, of the system or of
 * storage. Anything else is a fault of the command itself and keeps its stack trace.
 */
export function describeFailure(error: unknown): string {
  if (error instanceof CommandError) return error.message;
  if (error instanceof AppError) return `${error.message} (${error.code})`;
  if (!(error instanceof Error)) return String(error);
  // The reason of a "fetch failed" is in its cause.
  if (error.message === 'fetch failed') return `The request failed: ${describeFailure(error.cause)}`;
  const code = codeOf(error);
  if (code === undefined) return error.stack ?? error.message;
  const [firstLine = ''] = error.message.split('\n');
  return firstLine.includes(code) ? firstLine : `${firstLine} (${code})`;
}

function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}
