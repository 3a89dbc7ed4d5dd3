/** The form of an error's text, and phrases that several of them share. */
/** Who can fix it: the person, an Entra administrator, the operator, or time alone. */
export type Fixer = 'you' | 'administrator' | 'operator' | 'time';

/** What a person reads about one error code. */
export interface ErrorText {
  readonly title: string;
  readonly happened: string;
  readonly todo: string;
  readonly fixer: Fixer;
  /** What the person who can fix it should know: where to look and what to change. */
  readonly hint?: string;
  /** `login`: the person isn't signed in, so trying again means signing in again. `home`: the start page. */
  readonly retry: 'login' | 'home';
}

export const TRY_LATER = 'Wait a minute, then try again.';
export const TELL_OPERATOR =
  'Try again once. If it keeps happening, send the reference below to the operator.';
export const HEALTH = 'The details are in GET /api/health/detail (function key).';
