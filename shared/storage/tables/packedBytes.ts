/**
 * Packs JSON that is too long for a string property into several binary properties. The deflated JSON is cut into chunks, in the
 * columns `<name>0`, `<name>1` and so on. `<name>Count` is the number of chunks, `<name>Length` their total bytes, and
 * `<name>Check` their CRC-32.
 */
import { crc32, deflateRawSync, inflateRawSync } from 'node:zlib';

import { AppError } from '../../model/errors.ts';
import type { Properties } from '../../model/tables.ts';

/** The size of a chunk, below the 64 KiB limit of a binary property. */
const CHUNK_BYTES = 60 * 1024;

/**
 * 12 chunks or 720 KiB. Azurite counts a row in base64, and its limit of 1 MiB is not reached. On Azure, the rest of the limit is
 * room for keys and other columns. It holds about 35,000 GUIDs, which deflate to about half of their JSON.
 */
export const MAX_PACKED_BYTES = 12 * CHUNK_BYTES;

/** More than any packed list can inflate to. A row that inflates to more is broken or hostile. */
const MAX_UNPACKED_BYTES = 64 * 1024 * 1024;

/**
 * Packs a JSON value into properties whose names begin with `name`. The name has only letters and underscores, because with
 * digits `a1` + `0` and `a` + `10` would be the same column. Deterministic. Write the properties with `create`, `replace` or
 * `upsert`. A merge of fewer chunks would leave old chunks, which {@link parsePacked} ignores but which take space.
 * Throws AppError `storage_refused` for a value that deflates to more than {@link MAX_PACKED_BYTES} or has no JSON.
 */
export function packJson(name: string, value: unknown): Properties {
  requireName(name);
  const text = renderJson(name, value);
  const bytes = deflateRawSync(text);
  if (bytes.byteLength > MAX_PACKED_BYTES) {
    throw new AppError('storage_refused', `The packed value ${name} is too long for one row.`, {
      details: { name, packedBytes: bytes.byteLength, limitBytes: MAX_PACKED_BYTES },
    });
  }
  const properties: Record<string, number | string | Uint8Array> = {};
  let count = 0;
  for (let from = 0; from < bytes.byteLength; from += CHUNK_BYTES) {
    properties[`${name}${count}`] = Uint8Array.from(bytes.subarray(from, from + CHUNK_BYTES));
    count += 1;
  }
  properties[`${name}Count`] = count;
  properties[`${name}Length`] = bytes.byteLength;
  properties[`${name}Check`] = renderCheck(bytes);
  return properties;
}

/**
 * Returns the value that {@link packJson} packed under `name`. The caller still has to validate it with a schema. Throws AppError
 * `row_unreadable` (details: `name`, `reason`) if anything is absent, cut or changed. It never returns an empty value instead,
 * because an empty list of groups would remove all memberships.
 */
export function parsePacked(name: string, properties: Readonly<Record<string, unknown>>): unknown {
  requireName(name);
  const bytes = joinChunks(name, properties);
  if (properties[`${name}Check`] !== renderCheck(bytes)) throw unreadable(name, 'its checksum differs');
  try {
    const text = inflateRawSync(bytes, { maxOutputLength: MAX_UNPACKED_BYTES }).toString('utf8');
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    // The cause is left out, because a JSON error quotes the stored text.
    throw unreadable(name, 'it does not inflate to JSON');
  }
}

function joinChunks(name: string, properties: Readonly<Record<string, unknown>>): Buffer {
  const count = properties[`${name}Count`];
  if (typeof count !== 'number' || !Number.isInteger(count) || count < 1) {
    throw unreadable(name, 'its number of chunks is missing');
  }
  const chunks: Uint8Array[] = [];
  for (let index = 0; index < count; index += 1) {
    const chunk = properties[`${name}${index}`];
    if (!(chunk instanceof Uint8Array)) throw unreadable(name, `chunk ${index} is missing`);
    chunks.push(chunk);
  }
  const bytes = Buffer.concat(chunks);
  if (properties[`${name}Length`] !== bytes.byteLength) throw unreadable(name, 'its length differs');
  return bytes;
}

function renderJson(name: string, value: unknown): string {
  // oxlint-disable-next-line typescript/no-unnecessary-condition -- undefined and functions have no JSON
  const text: string | undefined = JSON.stringify(value);
  if (text === undefined)
    throw new AppError('storage_refused', `The value ${name} cannot be packed: it has no JSON.`, {
      details: { name },
    });
  return text;
}

function renderCheck(bytes: Uint8Array): string {
  return crc32(bytes).toString(16).padStart(8, '0');
}

function requireName(name: string): void {
  if (!/^[A-Za-z_]+$/.test(name))
    throw new AppError(
      'storage_refused',
      'The name of packed columns may only have letters and underscores.',
    );
}

function unreadable(name: string, reason: string): AppError {
  return new AppError('row_unreadable', `The packed value ${name} cannot be read: ${reason}.`, {
    details: { name, reason },
  });
}
