/**
 * Returns a UUID of version 7 (RFC 9562, 5.7). As text, a UUID of a later millisecond sorts after an earlier one.
 * Entra and Graph have times in whole seconds, so of two observations in one second the id decides (docs/domain.md,
 * "Order"), and it must not decide by chance. Pure.
 *
 * @param nowMs milliseconds since 1970
 * @param randomness 10 random bytes
 */
export function timeOrderedUuid(nowMs: number, randomness: Uint8Array): string {
  const bytes = Buffer.alloc(16);
  bytes.writeUIntBE(nowMs, 0, 6);
  bytes.set(randomness.subarray(0, 10), 6);
  // The version in the upper half of byte 6, the variant in the upper two bits of byte 8.
  bytes.writeUInt8(0x70 | (bytes.readUInt8(6) & 0x0f), 6);
  bytes.writeUInt8(0x80 | (bytes.readUInt8(8) & 0x3f), 8);
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
