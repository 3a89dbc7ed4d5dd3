import { AppError } from '../../model/errors.ts';
import type { Answer } from './litellmSender.ts';

/**
 * Throws what a failed answer to a list of members means. A 500 of LiteLLM's own is a refusal here: with it, LiteLLM reports a
 * member who is one already, and after it some of the list may have been added. Nothing more happens after that answer.
 */
export function requireMembers(answer: Answer): void {
  if (answer.ok) return;
  const { failure } = answer;
  if (failure.status !== 500 || failure.error.details['mayHaveWritten'] === true) throw failure.error;
  throw new AppError('litellm_refused', 'LiteLLM refused a list of members.', {
    details: { ...failure.error.details, status: 500 },
  });
}
