import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { StartError } from './startError.ts';

export interface LocalSettings {
  readonly values: Readonly<Record<string, string>>;
  /** `Host.LocalHttpPort`. */
  readonly httpPort?: number;
}

const fileSchema = z.object({
  IsEncrypted: z.boolean().default(false),
  Values: z.record(z.string(), z.string()).default({}),
  Host: z.object({ LocalHttpPort: z.number().int().min(1).max(65_535).optional() }).prefault({}),
});

/**
 * Reads `local.settings.json` as the Core Tools do: `Values` are app settings, and `Host.LocalHttpPort` is the port. A
 * missing file counts as one without values. Throws a StartError for a file that is encrypted or not valid.
 */
export async function readLocalSettings(file: string): Promise<LocalSettings> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      return { values: {} };
    }
    throw error;
  }
  const parsed = fileSchema.safeParse(parseJson(file, text));
  if (!parsed.success) {
    throw new StartError(`${file} is not valid: ${z.prettifyError(parsed.error)}`);
  }
  if (parsed.data.IsEncrypted) {
    throw new StartError(
      `${file} is encrypted, and only the Core Tools can read it. Run func settings decrypt.`,
    );
  }
  const { LocalHttpPort } = parsed.data.Host;
  return { values: parsed.data.Values, ...(LocalHttpPort === undefined ? {} : { httpPort: LocalHttpPort }) };
}

/** Parses JSON, and ignores the byte order mark that Visual Studio writes. */
function parseJson(file: string, text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw new StartError(`${file} is not JSON: ${String(error)}`, { cause: error });
  }
}
