import type { FieldDifference, LitellmDifference, WhyLeftAlone } from '../shared/litellm/differences.ts';

const WIDTHS = [10, 23, 36, 36] as const;
/** A list of models may be long; the field is what matters. */
const LONGEST_VALUE = 60;
/** A person's name and email stand in no terminal and no log of it. */
const PERSONAL: ReadonlySet<string> = new Set(['user_alias', 'user_email']);

const WHY: Readonly<Record<WhyLeftAlone, string>> = {
  made_there: 'made by hand there',
  added_there: 'added by hand there',
  cannot_be_cleared: 'LiteLLM takes no empty value',
  role_needs_licence: 'LiteLLM needs a licence for this role',
  row_missing: 'its row here, or one that it needs, is gone',
  row_unreadable: 'its row here, or its record, cannot be read',
};

function renderLine(cells: readonly string[]): string {
  return cells
    .map((cell, index) => cell.padEnd(WIDTHS[index] ?? 0))
    .join('  ')
    .trimEnd();
}

/** The heading of the table that {@link renderDifference} gives the rows of. */
export const TABLE_HEAD = [
  renderLine(['action', 'what', 'id', 'person', 'detail']),
  renderLine([...WIDTHS, 6].map((width) => '-'.repeat(width))),
].join('\n');

function renderValue(value: unknown): string {
  if (value === undefined) return 'none';
  const text = JSON.stringify(value);
  return text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}…` : text;
}

function renderField({ field, here, there }: FieldDifference): string {
  if (PERSONAL.has(field)) return field;
  return `${field} ${renderValue(there)} there, ${renderValue(here)} here`;
}

/**
 * Gives one row of the table: action, what, id, person, and in the last column why it is left alone and which fields are another
 * there than here. No names and emails of people.
 */
export function renderDifference(difference: LitellmDifference): string {
  const { action, why, id, fields } = difference;
  const isMembership = difference.what === 'membership';
  const detail = [
    ...(why === undefined ? [] : [WHY[why]]),
    ...(fields.length === 0 ? [] : [fields.map((field) => renderField(field)).join('; ')]),
  ].join(': ');
  return renderLine([
    action,
    isMembership ? `${difference.of} membership` : difference.what,
    id,
    isMembership ? difference.userId : '',
    detail,
  ]);
}
