import type { Ensured } from '../../model/litellmPorts.ts';
import type { Answer } from './call.ts';

/** 500 is how some versions say that something is there already, or that it is not there. */
const AMBIGUOUS: ReadonlySet<number> = new Set([400, 404, 409, 500]);

/**
 * Gives how a write ended: `done`, or `already` where it was refused because it is so. A 400, 404, 409 or 500 does not say, so
 * `looksDone` looks once; where it is not so, what the answer means is thrown.
 * `ifUnclear`: what it is after a 500, which says nothing of whose doing it is.
 * Whatever may still take effect later (a time-out, 502 to 504) is thrown as it is: to look now would prove nothing.
 */
export async function settle(
  answer: Answer,
  looksDone: () => Promise<boolean>,
  ifUnclear: Ensured = 'already',
): Promise<Ensured> {
  if (answer.ok) return 'done';
  if (AMBIGUOUS.has(answer.failure.status) && answer.failure.error.code !== 'litellm_answer_invalid') {
    if (await looksDone()) return answer.failure.status === 500 ? ifUnclear : 'already';
  }
  throw answer.failure.error;
}
