import { timingSafeEqual } from 'node:crypto';

/** Returns whether two texts are equal. The time it takes does not reveal where they differ, but may reveal their lengths. */
export function equalInConstantTime(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}
