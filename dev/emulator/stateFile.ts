/** Files that an emulator keeps between starts. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { CommandError } from '../../terminal/commandError.ts';

/** Writes the whole file or nothing, readable by its owner only. Creates the folder if it is missing. */
export function writeStateFile(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(`${file}.new`, text, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

/** Writes a value as JSON, in the way of {@link writeStateFile}. */
export function writeJsonState(file: string, value: object): void {
  writeStateFile(file, `${JSON.stringify(value, undefined, 1)}\n`);
}

/**
 * Reads and parses a JSON file, or returns `undefined` if it does not exist. Throws a CommandError that names a file
 * that cannot be read or parsed: an emulator never silently replaces what a person may have edited.
 */
export function readJsonState<Value>(file: string, parse: (value: unknown) => Value): Value | undefined {
  if (!existsSync(file)) {
    return undefined;
  }
  // An editor on Windows may write a byte order mark.
  return readState(file, (text) => parse(JSON.parse(text.replace(/^\uFEFF/, ''))));
}

/** Reads and parses a file, and throws a CommandError that names the file where either fails. */
export function readState<Value>(file: string, parse: (text: string) => Value): Value {
  try {
    return parse(readFileSync(file, 'utf8'));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CommandError(`The file ${file} cannot be read: ${reason}`, { cause: error });
  }
}

/**
 * Reads and parses the text of a file. Writes what `create` returns first if the file is missing. Throws as {@link readState}
 * does.
 */
export function readOrCreateState<Value>(
  file: string,
  create: () => string,
  parse: (text: string) => Value,
): Value {
  if (!existsSync(file)) {
    writeStateFile(file, create());
  }
  return readState(file, parse);
}
