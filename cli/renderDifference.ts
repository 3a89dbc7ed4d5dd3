import type { FieldDifference, LitellmDifference, WhyLeftAlone } from '../shared/litellm/differences.ts';

const WIDTHS = [10, 23, 36, 36] as const;
/** A list of models may be long, and the name of the field matters most. */
const LONGEST_VALUE = 60;
/** A person's name and email are not shown: terminals are logged. */
const PERSONAL: ReadonlySet<string> = new Set(['user_alias', 'user_email']);

const WHY: Readonly<Record<WhyLeftAlone, string>> = {
  created_in_litellm: 'created in LiteLLM',
  added_in_litellm: 'added in LiteLLM',
  cannot_be_cleared: 'LiteLLM does not accept an empty value',
  role_needs_licence: 'LiteLLM needs a licence for this role',
  account_closed: 'the account is closed',
  from_proxy_default: 'a default of the proxy filled it in',
  capped_to_organization: 'it has the budget of its organization, which allows less',
  no_models_left: 'it has no model in common with its organization',
  not_moved: 'LiteLLM does not let it be moved',
  organization_frozen: 'its organization cannot change without a licence',
  organizations_unclear: 'it is not clear yet whether LiteLLM has organizations',
  row_missing: 'its stored row, or one that it needs, is missing',
  row_unreadable: 'its stored row, or its sync record, cannot be read',
};

function renderLine(cells: readonly string[]): string {
  return cells
    .map((cell, index) => cell.padEnd(WIDTHS[index] ?? 0))
    .join('  ')
    .trimEnd();
}

/** The heading of the table. {@link renderDifference} returns its rows. */
export const TABLE_HEAD = [
  renderLine(['action', 'what', 'id', 'person', 'detail']),
  renderLine([...WIDTHS, 6].map((width) => '-'.repeat(width))),
].join('\n');

function renderValue(value: unknown): string {
  if (value === undefined) return 'none';
  const text = JSON.stringify(value);
  return text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}…` : text;
}

function renderField({ field, stored, inLitellm }: FieldDifference): string {
  if (PERSONAL.has(field)) return field;
  return `${field} ${renderValue(inLitellm)} in LiteLLM, ${renderValue(stored)} in the store`;
}

/** Returns a difference as data for `--json`. It has no names and no emails of people, as the table has none. */
export function withoutPersonalValues(difference: LitellmDifference): LitellmDifference {
  const fields = difference.fields.map((each) =>
    PERSONAL.has(each.field) ? { field: each.field, stored: undefined, inLitellm: undefined } : each,
  );
  return { ...difference, fields };
}

/**
 * Returns one row of the table: action, what, id, person, and in the last column why it is left alone and which fields differ. It
 * contains no names and no emails of people.
 */
export function renderDifference(
  difference: LitellmDifference,
  { parkedKeys = 0 }: { readonly parkedKeys?: number } = {},
): string {
  const { action, why, id, fields } = difference;
  const isMembership = difference.what === 'membership';
  const detail = [
    ...(why === undefined ? [] : [WHY[why]]),
    ...(parkedKeys === 0 ? [] : [`parks ${parkedKeys} ${parkedKeys === 1 ? 'key' : 'keys'}`]),
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
