import { expect, it } from 'vitest';
import { nextBelief } from '../../shared/litellm/organizationsBelief.ts';
import type { OrganizationsAnswer, OrganizationsBelief } from '../../shared/model/litellmProxy.ts';

const START_MS = Date.parse('2026-11-23T09:00:00Z');

/** Minute, answer, version; the version of the one before if left out. */
type Answers = readonly (readonly [minute: number, answer: OrganizationsAnswer, version?: string])[];

/** Returns the belief after each answer; `?` follows one that is contradicted. */
function believe(answers: Answers): readonly string[] {
  let belief: OrganizationsBelief | undefined;
  let version: string | undefined = '1.108.0';
  return answers.map(([minute, answer, other]) => {
    version = other ?? version;
    belief = nextBelief(belief, { answer, now: new Date(START_MS + minute * 60_000), version });
    return belief.contrary === undefined ? belief.believed : `${belief.believed}?`;
  });
}

const [yes, no] = ['available', 'unlicensed'] as const;

it.each<{ readonly what: string; readonly answers: Answers; readonly last: string }>([
  { what: 'the first answer at once', answers: [[0, no]], last: no },
  { what: 'the first answer at once, also a good one', answers: [[0, yes]], last: yes },
  {
    what: 'no change after one answer',
    answers: [
      [0, yes],
      [10, no],
    ],
    last: 'available?',
  },
  {
    what: 'no change after three answers in less than 30 minutes',
    answers: [
      [0, yes],
      [10, no],
      [20, no],
      [39, no],
    ],
    last: 'available?',
  },
  {
    what: 'no change after two answers, however far apart',
    answers: [
      [0, yes],
      [10, no],
      [500, no],
    ],
    last: 'available?',
  },
  {
    what: 'a change after three answers over 30 minutes',
    answers: [
      [0, yes],
      [10, no],
      [20, no],
      [40, no],
    ],
    last: no,
  },
  {
    what: 'a licence that appears, in the same way',
    answers: [
      [0, no],
      [10, yes],
      [20, yes],
      [30, yes],
      [40, yes],
    ],
    last: yes,
  },
  {
    what: 'no change by answers that follow within 5 minutes: they count once',
    answers: [
      [0, yes],
      [10, no],
      [11, no],
      [12, no],
      [14, no],
      [41, no],
    ],
    last: 'available?',
  },
  {
    what: 'an answer that agrees clears the others',
    answers: [
      [0, yes],
      [10, no],
      [20, no],
      [30, yes],
      [40, no],
      [50, no],
    ],
    last: 'available?',
  },
  {
    what: 'nothing contradicted after an answer that agrees',
    answers: [
      [0, yes],
      [10, no],
      [20, yes],
    ],
    last: yes,
  },
  {
    what: 'no change by answers of two versions: the second begins again',
    answers: [
      [0, yes, '1.101.6'],
      [10, no],
      [20, no],
      [40, no, '1.108.0'],
      [55, no],
    ],
    last: 'available?',
  },
  {
    what: 'a change by three answers of the new version',
    answers: [
      [0, yes, '1.101.6'],
      [10, no],
      [40, no, '1.108.0'],
      [55, no],
      [70, no],
    ],
    last: no,
  },
  {
    what: 'no change by an instance whose clock is behind',
    answers: [
      [0, yes],
      [40, no],
      [10, no],
      [20, no],
    ],
    last: 'available?',
  },
])('believes $what', ({ answers, last }) => {
  expect(believe(answers).at(-1)).toBe(last);
});

it('dates the belief from when it was believed', () => {
  const at = (minute: number): Date => new Date(START_MS + minute * 60_000);
  let belief = nextBelief(undefined, { answer: yes, now: at(0), version: undefined });
  for (const minute of [60, 75, 90])
    belief = nextBelief(belief, { answer: no, now: at(minute), version: undefined });
  expect(belief).toEqual({ believed: no, since: '2026-11-23T10:30:00.000Z' });
});

it('returns the same object if an answer says nothing new, so that nothing is written', () => {
  const belief = nextBelief(undefined, { answer: yes, now: new Date(START_MS), version: '1.101.6' });
  expect(nextBelief(belief, { answer: yes, now: new Date(START_MS + 60_000), version: '1.101.6' })).toBe(
    belief,
  );
});
