/** Names the characters in a setting that make it look right although it is not. Pure. */

/**
 * Everything that shows nothing or only a blank, except for the ordinary space, tab and line breaks, which lists and JSON may
 * contain between their parts.
 */
const hidden = /(?![ \t\r\n])[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}]/u;
const unusual = /[^\x20-\x7e]/u;

/** Returns, for example, "contains U+200B at the end", or undefined if the text contains no hidden character. */
export function findHiddenCharacter(text: string): string | undefined {
  return findCharacter(text, hidden);
}

/** Returns the same for the first character that is not printable ASCII. */
export function findUnusualCharacter(text: string): string | undefined {
  return findCharacter(text, unusual);
}

function findCharacter(text: string, pattern: RegExp): string | undefined {
  const [character] = pattern.exec(text) ?? [];
  if (character === undefined) return undefined;
  const code = character.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0');
  return `contains U+${code} ${placeOf(text, character)}`;
}

function placeOf(text: string, character: string): string {
  const index = text.indexOf(character);
  if (index === 0) return 'at the start';
  if (index + character.length === text.length) return 'at the end';
  return `as character ${index + 1}`;
}

const openingQuotes = /^["'`\u2018\u201C\u201E\u00AB]/u;
const closingQuotes = /["'`\u2019\u201C\u201D\u00BB]$/u;

/** Returns "is in quotes" for a value with quotes around it. A secret has none, so for a secret one of the two is enough. */
export function findQuotes(text: string, isSecret: boolean): string | undefined {
  const opens = openingQuotes.test(text);
  const closes = closingQuotes.test(text);
  if (opens && closes) return 'is in quotes';
  if (!isSecret || (!opens && !closes)) return undefined;
  return `has a quote at the ${opens ? 'start' : 'end'}`;
}
