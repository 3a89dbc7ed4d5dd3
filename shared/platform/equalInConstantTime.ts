import { timingSafeEqual } from 'node:crypto';

/** Whether two texts are the same, in a time that says nothing about where they differ (their lengths are no secret). */
export function equalInConstantTime(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}
