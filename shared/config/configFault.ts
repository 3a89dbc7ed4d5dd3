import { escapeInvisible } from '../model/foreignNames.ts';

/** One fault of one setting. Safe to log. */
export interface ConfigFault {
  readonly setting: string;
  /** What the setting contains. For a secret, only that it is set and its length. */
  readonly got: string;
  /** What is valid, as the end of "expected …". */
  readonly expected: string;
}

/** The value of {@link ConfigFault.got} for a missing setting. */
export const notSet = 'not set';

const longestShown = 100;

/**
 * Recognizes a secret that was put into the wrong setting. Entra's client secrets contain `8Q~` near their start,
 * storage credentials contain their own names, and LiteLLM's keys begin with `sk-`.
 */
const looksSecret = /\dQ~|AccountKey=|SharedAccessSignature|[?&;]sig=|\bsk-/i;

/**
 * Returns the text that a fault shows for a value that is not declared secret. Faults are logged, so it hides anything
 * that looks like a credential, any name before an `@` (a person's, or a URL's user and password) and a URL's query.
 */
export function describeValue(value: unknown): string {
  if (typeof value === 'string')
    return looksSecret.test(value) ? describeSecret(value) : `"${shorten(value)}"`;
  const json = JSON.stringify(value) ?? 'nothing';
  return looksSecret.test(json) ? describeSecret(json) : shorten(json);
}

/** Takes linear time: a setting may be long. */
function shorten(text: string): string {
  const masked = text
    .split(/([\s,;"']+)/)
    .map((part) => maskName(part))
    .join('')
    .replace(/^(https?:\/\/[^?#]*)[?#].*$/is, '$1?…');
  return escapeInvisible(masked.length > longestShown ? `${masked.slice(0, longestShown)}…` : masked);
}

/** Hides everything before the last `@`, except for the scheme of an address. */
function maskName(part: string): string {
  const at = part.lastIndexOf('@');
  if (at < 1) return part;
  const [scheme = ''] = /^https?:\/\//i.exec(part) ?? [];
  return `${scheme}…${part.slice(at)}`;
}

/** Returns the text that a fault shows for a secret. */
export function describeSecret(value: string): string {
  return `set, ${value.length} characters`;
}

/** Returns one fault as one line. */
export function formatFault(fault: ConfigFault): string {
  const got = fault.got === notSet ? notSet : `got ${fault.got}`;
  return `${fault.setting}: ${got}; expected ${fault.expected}`;
}

/** Sorts faults by setting. Faults of one setting keep their order. */
export function sortFaults(faults: readonly ConfigFault[]): readonly ConfigFault[] {
  return [...faults].sort((a, b) => (a.setting === b.setting ? 0 : a.setting < b.setting ? -1 : 1));
}
