import type { LitellmReported, LitellmState } from '../../model/access.ts';
import { findReasonText, organizationRoleTexts, teamRoleTexts } from './provisioningTexts.ts';

/** Whether something is in LiteLLM, in a few words. */
export const litellmStateTexts: Readonly<Record<LitellmState, string>> = {
  in_litellm: 'In LiteLLM',
  not_yet: 'Not in LiteLLM yet',
  refused: 'Refused by LiteLLM',
  failed: 'Not in LiteLLM',
  unknown: 'Not known whether it is in LiteLLM',
};

/** What a person can do about one that does not come by itself. */
export const litellmTodoTexts: Readonly<Record<'refused' | 'failed' | 'unknown', string>> = {
  refused: 'Tell the LiteLLM admin.',
  failed: 'Tell the operator, who can have it tried again.',
  unknown: 'Tell the operator.',
};

/** Gives why something is not in LiteLLM, by error code; a missing row has words of its own. */
export function findLitellmReasonText(code: string): string {
  if (code === 'row_missing')
    return 'Its stored row was missing or unreadable here, so LiteLLM was told nothing about it.';
  return findReasonText(code);
}

/** What is different there, and what to do; `detail` stands in brackets after the first sentence. */
export const litellmReportTexts: Readonly<
  Record<LitellmReported['code'], { readonly happened: string; readonly todo: string }>
> = {
  differs: {
    happened: 'Somebody changed it in LiteLLM, and that stays',
    todo: 'Ask the LiteLLM admin if it should be as it is here.',
  },
  cannot_be_cleared: {
    happened: 'Empty here, but LiteLLM does not let it be emptied',
    todo: 'Ask the LiteLLM admin to empty it there.',
  },
  created_in_litellm: {
    happened: 'Somebody made it in LiteLLM, and what is otherwise there stays',
    todo: 'Ask the LiteLLM admin if it should be as it is here.',
  },
  not_moved: {
    happened: 'It was made in LiteLLM before its organization and is not in it there',
    todo: 'Ask the LiteLLM admin to move it.',
  },
  role_needs_licence: {
    happened: 'LiteLLM makes nobody team admin without a licence',
    todo: 'Ask the LiteLLM admin.',
  },
  refused: { happened: 'LiteLLM refused a change', todo: 'Tell the LiteLLM admin.' },
  row_missing: {
    happened: 'Its stored row was missing or unreadable here, so nothing of it is changed in LiteLLM',
    todo: 'Tell the operator.',
  },
};

function isRole<T extends string>(texts: Readonly<Record<T, string>>, role: string): role is T {
  return Object.hasOwn(texts, role);
}

/** Gives the words for a role in LiteLLM, which may have others than we do: those are shown as they are. */
export function findLitellmRoleText(role: string): string {
  if (isRole(organizationRoleTexts, role)) return organizationRoleTexts[role];
  return isRole(teamRoleTexts, role) ? teamRoleTexts[role] : role;
}
