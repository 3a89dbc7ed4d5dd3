import type { LitellmReported, LitellmState } from '../../model/access.ts';
import { findReasonText, organizationRoleTexts, teamRoleTexts } from './provisioningTexts.ts';

/** The words for each LiteLLM state. */
export const litellmStateTexts: Readonly<Record<LitellmState, string>> = {
  in_litellm: 'In LiteLLM',
  not_yet: 'Not in LiteLLM yet',
  refused: 'Refused by LiteLLM',
  failed: 'Not in LiteLLM',
  unknown: 'LiteLLM status unknown',
};

/** What a person can do about an entity that won't reach LiteLLM by itself. */
export const litellmTodoTexts: Readonly<Record<'refused' | 'failed' | 'unknown', string>> = {
  refused: 'Ask the LiteLLM admin to check this.',
  failed: 'Ask the operator to try again.',
  unknown: 'Ask the operator to check this.',
};

/** Returns why something isn't in LiteLLM, by error code. A missing row has its own words. */
export function findLitellmReasonText(code: string): string {
  if (code === 'row_missing')
    return 'Its stored row was missing or unreadable, so we couldn’t update LiteLLM.';
  return findReasonText(code);
}

/** The difference in LiteLLM, and what to do. `detail` follows the first sentence in brackets. */
export const litellmReportTexts: Readonly<
  Record<LitellmReported['code'], { readonly happened: string; readonly todo: string }>
> = {
  differs: {
    happened: 'It was changed in LiteLLM, and we kept that change',
    todo: 'If it should match this page, ask the LiteLLM admin.',
  },
  cannot_be_cleared: {
    happened: 'It is empty here, but LiteLLM can’t clear it',
    todo: 'Ask the LiteLLM admin to clear it.',
  },
  created_in_litellm: {
    happened: 'It was created in LiteLLM, and we kept its other settings',
    todo: 'If it should match this page, ask the LiteLLM admin.',
  },
  not_moved: {
    happened: 'It isn’t in its organization in LiteLLM, which doesn’t let us move it',
    todo: 'Ask the LiteLLM admin to move it.',
  },
  capped_to_organization: {
    happened: 'Its budget is above its organization’s, so LiteLLM has the organization’s',
    todo: 'To change this, ask the operator.',
  },
  no_models_left: {
    happened: 'It has no model in common with its organization, so its keys can’t call any',
    todo: 'Ask the operator to give it a model.',
  },
  organization_frozen: {
    happened: 'LiteLLM’s licence has ended, so its organization can’t change',
    todo: 'Ask the LiteLLM admin about the licence.',
  },
  role_needs_licence: {
    happened: 'LiteLLM needs a licence for team admins',
    todo: 'Ask the LiteLLM admin.',
  },
  refused: { happened: 'LiteLLM refused a change', todo: 'Ask the LiteLLM admin to check this.' },
  not_deactivated: {
    happened: 'The account is closed, but we may not close it in LiteLLM',
    todo: 'Ask the LiteLLM admin to close it there.',
  },
  not_created: {
    happened: 'You have no access yet, so LiteLLM has no user for you',
    todo: 'You get one together with your first team.',
  },
  deactivated: {
    happened: 'You have no access any more, so LiteLLM refuses your keys',
    todo: 'They work again once you are back in a team.',
  },
  owns_our_key: {
    happened: 'The key with which this site manages LiteLLM is yours, so you stay in your teams there',
    todo: 'Ask the operator to use another key.',
  },
  row_missing: {
    happened: 'Its stored row was missing or unreadable, so we changed nothing in LiteLLM',
    todo: 'Ask the operator to check this.',
  },
};

function isRole<T extends string>(texts: Readonly<Record<T, string>>, role: string): role is T {
  return Object.hasOwn(texts, role);
}

/** Returns the words for a role in LiteLLM. LiteLLM may have roles that we don't know; those are shown unchanged. */
export function findLitellmRoleText(role: string): string {
  if (isRole(organizationRoleTexts, role)) return organizationRoleTexts[role];
  return isRole(teamRoleTexts, role) ? teamRoleTexts[role] : role;
}
