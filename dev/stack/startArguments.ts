import { settings } from '../../shared/config/settings.ts';
import { StartError } from './startError.ts';

export interface StartArguments {
  readonly help: boolean;
  /** Delete `.local/` first. */
  readonly reset: boolean;
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
 * Parses the arguments after `npm start --`: `--port N`, `--reset`, `--directory FILE`, `--state-dir DIR`, `--flag=false`,
 * `--no-litellm` and `--NAME=value`.
 * Throws a StartError that lists every unknown argument.
 */
export function parseStartArguments(args: readonly string[]): StartArguments {
  const given: Record<string, string> = {};
  const unknown: string[] = [];
  let help = false;
  let reset = false;
  let litellm = true;
  let port: number | undefined;
  let directoryFile: string | undefined;
  let stateDir: string | undefined;
  const rest = [...args];
  for (let argument = rest.shift(); argument !== undefined; argument = rest.shift()) {
    const [, name = '', value] = /^--([^=]+)(?:=(.*))?$/s.exec(argument) ?? [];
    const setting = shortNames[name] ?? (isSettingName(name) ? name : undefined);
    if (name === 'help' || argument === '-h') {
      help = true;
    } else if (name === 'reset' && value === undefined) {
      reset = true;
    } else if (name === 'no-litellm' && value === undefined) {
      litellm = false;
    } else if (name === 'port') {
      port = parsePort(value ?? rest.shift());
    } else if (name === 'directory') {
      directoryFile = requireValue(name, value ?? rest.shift());
    } else if (name === 'state-dir') {
      stateDir = requireValue(name, value ?? rest.shift());
    } else if (setting !== undefined && value !== undefined) {
      given[setting] = value;
    } else {
      unknown.push(argument);
    }
  }
  if (unknown.length > 0) {
    throw new StartError(
      `Unknown: ${unknown.join(' ')}. Write app settings as --NAME=value, with the names in docs/settings.md. --help shows all options.`,
    );
  }
  return {
    help,
    reset,
    litellm,
    settings: given,
    ...(port === undefined ? {} : { port }),
    ...(directoryFile === undefined ? {} : { directoryFile }),
    ...(stateDir === undefined ? {} : { stateDir }),
  };
}

function isSettingName(name: string): boolean {
  return ourNames.has(name) || hostName.test(name);
}

function parsePort(text: string | undefined): number {
  const port = Number(text);
  if (text === undefined || !Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new StartError(`--port needs a number from 1 to 65535, not "${text ?? ''}".`);
  }
  return port;
}

function requireValue(name: string, value: string | undefined): string {
  if (value === undefined || value === '') {
    throw new StartError(`--${name} needs a value.`);
  }
  return value;
}
