/** Files that an emulator keeps between starts. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

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
 * Reads and parses a JSON file, or returns `undefined` if it does not exist. Throws for a file that cannot be read
 * or parsed: an emulator never silently replaces what a person may have edited.
 */
export function readJsonState<Value>(file: string, parse: (value: unknown) => Value): Value | undefined {
  if (!existsSync(file)) {
    return undefined;
  }
  try {
    return parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`The file ${file} cannot be read: ${reason}`, { cause: error });
  }
}

/** Reads the text of a file. Writes what `create` returns first if the file is missing. */
export function readOrCreateState(file: string, create: () => string): string {
  if (!existsSync(file)) {
    writeStateFile(file, create());
  }
  return readFileSync(file, 'utf8');
}
