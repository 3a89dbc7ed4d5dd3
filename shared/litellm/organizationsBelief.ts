/** When this product believes that LiteLLM's licence for organizations came or ended. Pure. */
import type { OrganizationsAnswer, OrganizationsBelief } from '../model/litellmProxy.ts';

/** So many equal answers are needed. */
const ANSWERS_NEEDED = 3;
/** The first and the last of them are at least this far apart. */
const APART_MS = 30 * 60_000;
/** Of the answers in such a time, one counts. */
const COUNTED_EACH_MS = 5 * 60_000;

/** One answer of the proxy. */
export interface AnswerAbout {
  readonly answer: OrganizationsAnswer;
  readonly now: Date;
  /** The version of the proxy, as far as it is known. */
  readonly version: string | undefined;
}

/**
 * Returns what to believe after an answer; the same object if nothing changes. The very first answer is believed at once. A
 * different one is believed after three equal answers of one version, the first and the last at least 30 minutes apart. An answer
 * that agrees clears what spoke against the belief.
 */
export function nextBelief(before: OrganizationsBelief | undefined, about: AnswerAbout): OrganizationsBelief {
  const { answer, now } = about;
  if (before === undefined) return { believed: answer, since: now.toISOString() };
  const { believed, since, contrary } = before;
  if (answer === believed) return contrary === undefined ? before : { believed, since };
  if (contrary === undefined || contrary.version !== about.version) return contradict(before, about);
  // An answer from an instance whose clock is behind counts as one of the same time.
  if (now.getTime() - Date.parse(contrary.lastAt) < COUNTED_EACH_MS) return before;
  const count = contrary.count + 1;
  const hasLasted = now.getTime() - Date.parse(contrary.firstAt) >= APART_MS;
  if (count >= ANSWERS_NEEDED && hasLasted) return { believed: answer, since: now.toISOString() };
  return { believed, since, contrary: { ...contrary, count, lastAt: now.toISOString() } };
}

function contradict(
  { believed, since }: OrganizationsBelief,
  { answer, now, version }: AnswerAbout,
): OrganizationsBelief {
  const at = now.toISOString();
  const contrary = {
    answer,
    firstAt: at,
    lastAt: at,
    count: 1,
    ...(version === undefined ? {} : { version }),
  };
  return { believed, since, contrary };
}
