/** One thing that is wrong with one setting, safe to log. */
export interface ConfigFault {
  readonly setting: string;
  /** What was found. Of a secret only whether it is set and its length. */
  readonly got: string;
  /** What is valid, as the end of "valid is …". */
  readonly expected: string;
}

/** {@link ConfigFault.got} of a setting that is missing. */
export const notSet = 'not set';

const longestShown = 100;

/**
 * What a secret in the wrong setting looks like: Entra's client secrets carry a `8Q~` near their start, storage
 * credentials name themselves, LiteLLM's keys begin with `sk-`.
 */
const looksSecret = /\dQ~|AccountKey=|SharedAccessSignature|[?&;]sig=|\bsk-/i;

/**
 * Gives a fault's text of a value that is not declared secret. Fails towards hiding: whatever looks like a credential,
 * the name before an `@` (a person's, or a URL's user and password) and a URL's query are left out, because faults
 * are logged.
 */
export function describeValue(value: unknown): string {
  if (typeof value === 'string')
    return looksSecret.test(value) ? describeSecret(value) : `"${shorten(value)}"`;
  const json = JSON.stringify(value) ?? 'nothing';
  return looksSecret.test(json) ? describeSecret(json) : shorten(json);
}

function shorten(text: string): string {
  const shown = text
    .replaceAll(/(https?:\/\/)?[^\s,;"']+@/gi, (_all, scheme: string | undefined) => `${scheme ?? ''}…@`)
    .replace(/^(https?:\/\/[^?#]*)[?#].*$/is, '$1?…');
  return shown.length > longestShown ? `${shown.slice(0, longestShown)}…` : shown;
}

/** Gives a fault's text of a secret. */
export function describeSecret(value: string): string {
  return `set, ${value.length} characters`;
}

/** Gives one line for one fault. */
export function formatFault(fault: ConfigFault): string {
  const got = fault.got === notSet ? notSet : `got ${fault.got}`;
  return `${fault.setting}: ${got}; valid is ${fault.expected}`;
}

/** Orders faults by setting; those of one setting keep the order in which they were found. */
export function sortFaults(faults: readonly ConfigFault[]): readonly ConfigFault[] {
  return [...faults].sort((a, b) => (a.setting === b.setting ? 0 : a.setting < b.setting ? -1 : 1));
}
