import { resolve } from 'node:path';
import { settings } from '../../shared/config/settings.ts';
import { type Arguments, parseArguments } from '../../terminal/arguments.ts';
import { CommandError, UsageError } from '../../terminal/commandError.ts';
import { readGivenDirectory } from '../identity/identityState.ts';

export interface StartArguments {
  /** Delete `.local/` first. */
  readonly reset: boolean;
  /** Print every line of the host's log, not only warnings and errors. */
  readonly verbose: boolean;
  readonly port?: number;
  /** Another sample directory for the identity emulator. */
  readonly directoryFile?: string;
  /** Keeps everything in this folder instead of in `.local/`. */
  readonly stateDir?: string;
  /** `false` starts without LiteLLM, not even with its emulator. */
  readonly litellm: boolean;
  /** App settings, by name. */
  readonly settings: Readonly<Record<string, string>>;
}

/** Settings that have a short name on the command line. */
const shortNames: Readonly<Record<string, string>> = { flag: 'ENTRA_GROUPS_ALSO_CREATE_ORGS' };

const ourNames = new Set(Object.values(settings).map(({ name }) => name));
/** The names of settings that the Functions host and Node read. */
const hostName = /^(?:AzureWebJobs|AzureFunctions|FUNCTIONS_|WEBSITE_|NODE_|IDENTITY_|LOCAL_FUNCTION_KEY$)/;

/**
 * Parses the arguments after `npm start --`: `--port N`, `--reset`, `--verbose`, `--directory FILE`, `--state-dir DIR`,
 * `--flag=false`, `--no-litellm` and `--NAME=value`.
 * Throws a CommandError that lists every unknown argument.
 */
export function parseStartArguments(args: readonly string[]): StartArguments {
  const { texts, flags, settings: given } = parseStart(args);
  const { port, directory, 'state-dir': stateDir } = texts;
  return {
    reset: flags.has('reset'),
    verbose: flags.has('verbose'),
    litellm: !flags.has('no-litellm'),
    settings: given,
    ...(port === undefined ? {} : { port: parsePort(port) }),
    ...(directory === undefined ? {} : { directoryFile: directory }),
    ...(stateDir === undefined ? {} : { stateDir }),
  };
}

function parseStart(
  args: readonly string[],
): Arguments<'port' | 'directory' | 'state-dir', 'reset' | 'verbose' | 'no-litellm'> {
  try {
    return parseArguments(args, {
      texts: ['port', 'directory', 'state-dir'],
      flags: ['reset', 'verbose', 'no-litellm'],
      settingOf: (name) => shortNames[name] ?? (isSettingName(name) ? name : undefined),
    });
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const how = 'Write app settings as --NAME=value, with the names in docs/settings.md.';
    throw new CommandError(`${error.message} ${how}`, { cause: error });
  }
}

function isSettingName(name: string): boolean {
  return ourNames.has(name) || hostName.test(name);
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new CommandError(`--port needs a number from 1 to 65535, not "${text}".`);
  }
  return port;
}

/** Returns the path of the sample directory, if one is given. Throws a CommandError, before anything starts, if it is not valid. */
export function findDirectoryFile({ directoryFile }: StartArguments): string | undefined {
  if (directoryFile === undefined) return undefined;
  const file = resolve(directoryFile);
  readGivenDirectory(file);
  return file;
}
