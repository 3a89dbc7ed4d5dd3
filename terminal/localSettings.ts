import { readFile } from 'node:fs/promises';
import { type ParseError, parse, printParseErrorCode, visit } from 'jsonc-parser';
import { z } from 'zod';
import { CommandError } from './commandError.ts';

/** What this product uses of `local.settings.json`. */
export interface LocalSettings {
  readonly values: Readonly<Record<string, string>>;
  /** `Host.LocalHttpPort`. */
  readonly httpPort?: number;
}

const schema = z.object({
  IsEncrypted: z.boolean().nullish(),
  Values: z.record(z.string(), z.string()).nullish(),
  Host: z.object({ LocalHttpPort: z.coerce.number().int().min(1).max(65_535).nullish() }).nullish(),
});

/**
 * Reads `local.settings.json` as the Core Tools do: with comments, trailing commas and a byte order mark. A missing file counts as
 * one without values. Unlike the Core Tools it refuses a name that occurs twice, because the first value would silently be lost.
 * Throws a CommandError for a file that is encrypted or not valid, with the line.
 */
export async function readLocalSettings(file: string): Promise<LocalSettings> {
  let text: string;
  try {
    text = (await readFile(file, 'utf8')).replace(/^\uFEFF/, '');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return { values: {} };
    throw error;
  }
  const parsed = schema.safeParse(parseText(file, text));
  if (!parsed.success) throw new CommandError(`${file} is not valid: ${z.prettifyError(parsed.error)}`);
  const { IsEncrypted, Values, Host } = parsed.data;
  if (IsEncrypted === true) {
    throw new CommandError(
      `${file} is encrypted, and only the Core Tools can read it. Run func settings decrypt.`,
    );
  }
  const httpPort = Host?.LocalHttpPort ?? undefined;
  return { values: Values ?? {}, ...(httpPort === undefined ? {} : { httpPort }) };
}

function parseText(file: string, text: string): unknown {
  const errors: ParseError[] = [];
  const options = { allowTrailingComma: true, disallowComments: false };
  const value: unknown = parse(text, errors, options);
  const [error] = errors;
  if (error !== undefined) {
    const line = text.slice(0, error.offset).split('\n').length;
    throw new CommandError(`${file} is not JSON: ${printParseErrorCode(error.error)} in line ${line}.`);
  }
  const repeated = findRepeatedName(text, options);
  if (repeated !== undefined) throw new CommandError(`${file} names ${JSON.stringify(repeated)} twice.`);
  return value;
}

function findRepeatedName(
  text: string,
  options: { readonly allowTrailingComma: boolean },
): string | undefined {
  const open: Set<string>[] = [];
  let repeated: string | undefined;
  visit(
    text,
    {
      onObjectBegin: () => void open.push(new Set()),
      onObjectEnd: () => void open.pop(),
      onObjectProperty: (name) => {
        const names = open.at(-1);
        if (names?.has(name) === true) repeated ??= name;
        names?.add(name);
      },
    },
    options,
  );
  return repeated;
}
