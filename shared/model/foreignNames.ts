/**
 * Names that other systems give us (Entra, LiteLLM, an administrator's edit) may contain characters that reverse the text around
 * them, end a line or control a terminal. Pure.
 */

/** Control characters (`\p{Cc}`), and the ones that embed, override or isolate a direction of writing. */
const REMOVED = /[\p{Cc}\u202A-\u202E\u2066-\u2069]/gu;

/**
 * Returns a name without control characters, direction overrides and blanks at its ends, or `undefined` if nothing remains. A half
 * of a surrogate pair becomes U+FFFD, because LiteLLM's database refuses it like NUL. Joiners stay: Persian and emoji need them.
 * Applied wherever a name enters, and again where one leaves for LiteLLM, because stored names can be edited. Idempotent.
 *
 * @example cleanName(' Al\u0000ice\u202E ') // 'Alice'
 */
export function cleanName(name: string): string | undefined {
  const cleaned = name.replaceAll(REMOVED, '').toWellFormed().trim();
  return cleaned === '' ? undefined : cleaned;
}

/** Controls, formats, separators of lines, halves of surrogate pairs. The joiners U+200C and U+200D are not matched. */
const INVISIBLE = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]|(?![\u200C\u200D])\p{Cf}/gu;

/**
 * Returns the text with every character that a terminal or a log viewer might obey or hide as `\uXXXX`. That is also JSON's way,
 * so JSON stays JSON with the same value, as long as it has no line breaks of its own.
 */
export function escapeInvisible(text: string): string {
  return text.replaceAll(INVISIBLE, (character) =>
    Array.from(
      { length: character.length },
      (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`,
    ).join(''),
  );
}
