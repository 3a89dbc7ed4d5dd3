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
 * Reads `local.settings.json` as the Core Tools do: its `Values` are app settings, `Host.LocalHttpPort` the port. No file gives
 * no values. Throws a StartError where the file is encrypted or cannot be understood.
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
    throw new StartError(`${file} is encrypted, which only the Core Tools can read: func settings decrypt.`);
  }
  const { LocalHttpPort } = parsed.data.Host;
  return { values: parsed.data.Values, ...(LocalHttpPort === undefined ? {} : { httpPort: LocalHttpPort }) };
}

/** A byte order mark, which Visual Studio writes, is no fault. */
function parseJson(file: string, text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw new StartError(`${file} is not JSON: ${String(error)}`, { cause: error });
  }
}
