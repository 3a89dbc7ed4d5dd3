import { timingSafeEqual } from 'node:crypto';

/** Whether two texts are equal, in a time that doesn't show where they differ. (Their lengths aren't secret.) */
export function equalInConstantTime(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}
