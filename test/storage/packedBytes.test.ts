import { createHash } from 'node:crypto';

import { describe, expect, it } from 'vitest';

import { MAX_PACKED_BYTES, packJson, parsePacked } from '../../shared/storage/tables/packedBytes.ts';
import type { Properties } from '../../shared/model/tables.ts';
import { AppError } from '../../shared/model/errors.ts';

describe('packJson and parsePacked', () => {
  it.each<[string, unknown]>([
    ['an empty list', []],
    ['an empty text', ''],
    ['null', null],
    ['text beyond ASCII', ['Grüße', '👩‍🚀', 'half \ud83d']],
    ['an object', { a: [1, 2.5, true], b: { c: 'd' } }],
    ['5,000 ids', guids(5_000)],
    ['35,000 ids', guids(35_000)],
  ])('return %s unchanged', (_name, value) => {
    expect(parsePacked('x', packJson('x', value))).toStrictEqual(value);
  });

  it('pack 5,000 ids into two binary columns', () => {
    const properties = packJson('groups', guids(5_000));
    expect(Object.keys(properties).sort()).toStrictEqual([
      'groups0',
      'groups1',
      'groupsCheck',
      'groupsCount',
      'groupsLength',
    ]);
  });

  it('use chunks of at most 60 KiB', () => {
    const sizes = Object.values(packJson('x', guids(30_000))).flatMap((value) =>
      value instanceof Uint8Array ? [value.byteLength] : [],
    );
    expect(sizes.slice(0, -1).every((size) => size === 60 * 1024)).toBe(true);
    expect(sizes.length).toBeGreaterThan(9);
  });

  it('refuse to pack a value that does not fit into a row, and name its size', () => {
    const error = errorOf(() => packJson('x', guids(60_000)));
    expect(error).toMatchObject({
      code: 'storage_refused',
      details: { name: 'x', limitBytes: MAX_PACKED_BYTES },
    });
    expect(error.details['packedBytes']).toBeGreaterThan(MAX_PACKED_BYTES);
  });

  it('refuse to pack a value that has no JSON', () => {
    expect(errorOf(() => packJson('x', undefined)).code).toBe('storage_refused');
  });

  it('refuse a name with a digit, because the number of a chunk follows it', () => {
    expect(errorOf(() => packJson('x1', [])).code).toBe('storage_refused');
  });

  it('read a value after it was merged over one with more chunks', () => {
    const merged = { ...packJson('x', guids(20_000)), ...packJson('x', ['a']) };
    expect(parsePacked('x', merged)).toStrictEqual(['a']);
  });

  const packed = packJson('x', guids(5_000));
  const without = (name: string): Properties =>
    Object.fromEntries(Object.entries(packed).filter(([key]) => key !== name));

  it.each<[string, Readonly<Record<string, unknown>>]>([
    ['no columns at all', {}],
    ['the first chunk missing', without('x0')],
    ['the last chunk missing', without('x1')],
    ['no count', without('xCount')],
    ['a count of zero', { ...packed, xCount: 0 }],
    ['a count that is too small', { ...packed, xCount: 1 }],
    ['a count that is text', { ...packed, xCount: '2' }],
    ['no length', without('xLength')],
    ['another length', { ...packed, xLength: 7 }],
    ['no checksum', without('xCheck')],
    ['a chunk that was cut', { ...packed, x1: bytesOf('x1').subarray(1) }],
    ['a chunk that is text', { ...packed, x0: 'x' }],
    ['one bit that has changed', { ...packed, x1: withOneBitChanged(bytesOf('x1')) }],
    ['chunks in another order', { ...packed, x0: bytesOf('x1'), x1: bytesOf('x0') }],
  ])('call a row with %s unreadable, never empty', (_name, properties) => {
    expect(errorOf(() => parsePacked('x', properties))).toMatchObject({
      code: 'row_unreadable',
      retryable: false,
      details: { name: 'x' },
    });
  });

  it('do not put the stored text into the error', () => {
    const secret = errorOf(() => parsePacked('x', { ...packed, x0: 'alice@company.com' }));
    expect(`${secret.message} ${JSON.stringify(secret.details)} ${String(secret.cause)}`).not.toContain(
      'alice',
    );
  });

  function bytesOf(name: string): Uint8Array {
    const value = packed[name];
    if (!(value instanceof Uint8Array)) throw new Error(`no bytes in ${name}`);
    return value;
  }
});

/** Returns ids that compress no better than random ones. They are the same in every run. */
function guids(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => {
    const hex = createHash('sha256').update(String(index)).digest('hex');
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join(
      '-',
    );
  });
}

function withOneBitChanged(bytes: Uint8Array): Uint8Array {
  const changed = Uint8Array.from(bytes);
  const middle = Math.floor(changed.byteLength / 2);
  changed[middle] = (changed[middle] ?? 0) ^ 1;
  return changed;
}

function errorOf(act: () => unknown): AppError {
  try {
    act();
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('The function did not throw.');
}
