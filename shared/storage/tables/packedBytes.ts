/**
 * JSON that is too long for a string property, packed into several binary ones. Its columns: `<name>0`, `<name>1`, … the
 * chunks of the deflated JSON; `<name>Count` how many; `<name>Length` how many bytes they are together; `<name>Check`
 * their CRC-32.
 */
import { crc32, deflateRawSync, inflateRawSync } from 'node:zlib';

import { AppError } from '../../model/errors.ts';
import type { Properties } from '../../model/tables.ts';

/** Below the 64 KiB of a binary property. */
const CHUNK_BYTES = 60 * 1024;

/**
 * 12 chunks, 720 KiB: in base64 below 1 MiB, which is how Azurite counts a row, and on Azure with room for keys and
 * other columns. About 35,000 GUIDs: they deflate to about half of their JSON.
 */
export const MAX_PACKED_BYTES = 12 * CHUNK_BYTES;

/** More than the packed bytes of any list can mean; a row that claims more is broken or hostile. */
const MAX_UNPACKED_BYTES = 64 * 1024 * 1024;

/**
 * Packs a JSON value into properties whose names begin with `name` (letters and underscores only, so that `a1` + `0` is
 * not `a` + `10`). Deterministic. Write them with `create`, `replace` or `upsert`: a merge of fewer chunks would leave
 * the old ones behind; {@link parsePacked} does not read those, but they take room.
 * Throws AppError `storage_refused` for what deflates to more than {@link MAX_PACKED_BYTES}, and for what is no JSON.
 */
export function packJson(name: string, value: unknown): Properties {
  requireName(name);
  const text = renderJson(name, value);
  const bytes = deflateRawSync(text);
  if (bytes.byteLength > MAX_PACKED_BYTES) {
    throw new AppError('storage_refused', `${name} is too long for one row`, {
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
 * Gives back what {@link packJson} packed under `name`, still to be parsed by its schema. Whatever is absent, cut or changed
 * throws AppError `row_unreadable` (details: `name`, `reason`): never an empty value, because a group list that reads as
 * empty would take every membership away.
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
    // Without the cause: a JSON error quotes what it read.
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
    throw new AppError('storage_refused', `${name} is no JSON value`, { details: { name } });
  return text;
}

function renderCheck(bytes: Uint8Array): string {
  return crc32(bytes).toString(16).padStart(8, '0');
}

function requireName(name: string): void {
  if (!/^[A-Za-z_]+$/.test(name))
    throw new AppError('storage_refused', 'the name of packed columns is letters only');
}

function unreadable(name: string, reason: string): AppError {
  return new AppError('row_unreadable', `the packed value ${name} is unreadable: ${reason}`, {
    details: { name, reason },
  });
}
