import type { ErrorCode } from '../../model/errors.ts';
import type { Reported } from '../../model/access.ts';
import type { GlobalRole, OrganizationRole, TeamRole } from '../../model/entities.ts';

/** Why a provisioning waits or failed, by error code. Other codes never appear in a person's progress. */
const REASONS: Readonly<Partial<Record<ErrorCode, string>>> = {
  configuration_invalid: 'The service isn’t set up correctly. The operator needs to correct its settings.',
  account_inactive: 'An administrator made your user inactive in this service.',
  directory_unreachable: 'Microsoft Graph doesn’t answer, so we couldn’t read the groups.',
  directory_permission_missing:
    'We aren’t allowed to read the groups. An Entra administrator needs to grant this.',
  directory_answer_invalid: 'We couldn’t understand Microsoft Graph’s answer.',
  assigned_groups_unknown: 'We don’t know yet which groups are assigned to the application.',
  groups_not_yet_known: 'Entra doesn’t list all of your groups as assigned yet. That takes a few minutes.',
  groups_not_checked: 'We haven’t checked yet which groups are assigned now. That takes a minute or two.',
  storage_unavailable: 'Our storage doesn’t answer.',
  storage_refused: 'Our storage refused a request. The operator needs to check the permissions.',
  storage_contention: 'The same data was being changed at the same time.',
  row_unreadable: 'A stored row is unreadable. The operator needs to correct it.',
  organization_unavailable: 'We couldn’t create an organization.',
  message_unreadable: 'We couldn’t read the setup request from your sign-in.',
  message_not_authentic: 'The setup request wasn’t signed by this service.',
  snapshot_altered: 'The list of groups from your sign-in was changed in our storage.',
  snapshot_missing: 'The list of groups from your sign-in is no longer stored.',
  observation_in_future: 'The time of your sign-in is ahead of the service’s clock.',
  waited_too_long: 'We tried for 24 hours and stopped.',
  clock_skew: 'The service’s clock is wrong.',
  litellm_unreachable: 'The LiteLLM proxy doesn’t answer.',
  litellm_key_refused: 'The LiteLLM proxy refuses this service’s key. The operator needs to correct it.',
  litellm_right_missing:
    'This service’s key has too few rights in the LiteLLM proxy. The operator needs to correct it.',
  litellm_version_unsafe: 'The LiteLLM proxy runs a withdrawn version. The operator needs to replace it.',
  organizations_unlicensed: 'The LiteLLM proxy has no licence for organizations.',
  litellm_answer_invalid: 'The configured address isn’t a LiteLLM proxy.',
  litellm_refused: 'The LiteLLM proxy refused a change.',
  litellm_email_taken:
    'Another user of the LiteLLM proxy has this email. A LiteLLM admin must change that user’s email or delete that user.',
  litellm_role_needs_licence: 'The LiteLLM proxy needs a licence for this role.',
  sync_overtaken: 'Another update about the same person or team is in progress.',
};

function isReason(code: string): code is keyof typeof REASONS {
  return Object.hasOwn(REASONS, code);
}

/** Returns the sentence for a reason code. An unknown code has a general sentence; the page shows the code too. */
export function findReasonText(code: string): string {
  return (isReason(code) ? REASONS[code] : undefined) ?? 'An unexpected error occurred.';
}

/** The meaning of each kind of report. The text follows the entity's name. */
export const reportTexts: Readonly<Record<Reported['code'], string>> = {
  organization_unavailable: 'couldn’t be created. We’ll try again at your next sign-in.',
  row_unreadable: 'is withheld: its stored row is unreadable. The operator needs to correct it.',
  row_missing: 'is withheld: its stored row is missing. The operator needs to check this.',
  last_org_admin: 'keeps you as its organization admin. We don’t remove the last one automatically.',
  no_org_admin_left: 'has no organization admin any more, because your account is closed.',
  group_not_yet_known: 'is in your sign-in, but not in the list of assigned groups yet. Sign in again later.',
  removal_not_checked: 'isn’t in your sign-in. You keep it until we’ve checked which groups are assigned.',
  standalone_for_now: 'has no organization for now: we couldn’t create it. We’ll link them later.',
  models_kept: 'is linked to its organization. Its models were edited by hand, so we kept them.',
};

/** The words for each global role. */
export const globalRoleTexts: Readonly<Record<GlobalRole, string>> = {
  proxy_admin: 'Proxy admin',
  proxy_admin_viewer: 'Proxy admin, read only',
  internal_user: 'Internal user',
  internal_user_viewer: 'Internal user, read only',
};

/** The words for each role in an organization. */
export const organizationRoleTexts: Readonly<Record<OrganizationRole, string>> = {
  org_admin: 'Organization admin',
  internal_user: 'Member',
  internal_user_viewer: 'Member, read only',
};

/** The words for each role in a team. */
export const teamRoleTexts: Readonly<Record<TeamRole, string>> = {
  admin: 'Team admin',
  user: 'Member',
};
