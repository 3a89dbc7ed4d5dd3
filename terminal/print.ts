import { escapeInvisible } from '../shared/model/foreignNames.ts';

/** Returns the text with every character escaped that a terminal might obey, except for line breaks and tabs. */
export function escapeForTerminal(text: string): string {
  return text
    .split(/([\n\t])/)
    .map((part) => (part === '\n' || part === '\t' ? part : escapeInvisible(part)))
    .join('');
}

/** Prints a text to standard output. All output of a command goes through here, because it may contain foreign names. */
export function print(text: string): void {
  console.log(escapeForTerminal(text));
}

/** Prints a text to standard error. */
export function printError(text: string): void {
  console.error(escapeForTerminal(text));
}

/** Prints rows as a table. */
export function printTable(rows: readonly Readonly<Record<string, string>>[]): void {
  console.table(
    rows.map((row) =>
      Object.fromEntries(Object.entries(row).map(([name, value]) => [name, escapeInvisible(value)])),
    ),
  );
}
