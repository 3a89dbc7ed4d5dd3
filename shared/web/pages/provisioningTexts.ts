import type { ErrorCode } from '../../model/errors.ts';
import type { Reported } from '../../model/access.ts';
import type { GlobalRole, OrganizationRole, TeamRole } from '../../model/entities.ts';

/** Why a provisioning waits or failed, by error code; what is not here never reaches a person's progress. */
const REASONS: Readonly<Partial<Record<ErrorCode, string>>> = {
  configuration_invalid: 'The service is not set up correctly. The operator has to correct its settings.',
  account_inactive: 'Your user has been made inactive here by an administrator.',
  directory_unreachable: 'Microsoft Graph does not answer, so the groups could not be read.',
  directory_permission_missing:
    'The service may not read the groups yet. An Entra administrator has to grant the permission.',
  directory_answer_invalid: 'Microsoft Graph answered in a form that the service does not understand.',
  assigned_groups_unknown: 'It is not known yet which groups are assigned to the application.',
  groups_not_yet_known: 'Entra does not list all of your groups as assigned yet. That takes a few minutes.',
  storage_unavailable: 'Storage does not answer.',
  storage_refused: 'Storage refused a request. The operator has to check the permissions.',
  storage_contention: 'Somebody else was changing the same data at the same time.',
  row_unreadable: 'A stored row cannot be read. The operator has to correct it.',
  organization_unavailable: 'An organization could not be created.',
  message_unreadable: 'What your sign-in left to be done cannot be understood.',
  snapshot_missing: 'The list of groups that your sign-in saw is no longer stored.',
  observation_in_future: 'The time of your sign-in is ahead of the service’s clock.',
  waited_too_long: 'It waited for 24 hours and was given up.',
  clock_skew: 'The clock of the service is wrong.',
  litellm_unreachable: 'The LiteLLM proxy does not answer.',
  litellm_key_refused: 'The LiteLLM proxy refuses the key of this service. The operator has to correct it.',
  litellm_answer_invalid: 'What answers at the address of the LiteLLM proxy is not a LiteLLM proxy.',
  litellm_refused: 'The LiteLLM proxy refused a change.',
  litellm_email_taken: 'Another user of the LiteLLM proxy has this email.',
  litellm_role_needs_licence: 'The LiteLLM proxy needs a licence for this role.',
  sync_overtaken: 'Another message about the same is being worked off.',
};

function isReason(code: string): code is keyof typeof REASONS {
  return Object.hasOwn(REASONS, code);
}

/** Gives the sentence for a reason code. A code that it does not know gives a general one: the code is shown too. */
export function findReasonText(code: string): string {
  return (isReason(code) ? REASONS[code] : undefined) ?? 'An error that is not known here.';
}

/** What each kind of report means; stands after the name of the entity that it is about. */
export const reportTexts: Readonly<Record<Reported['code'], string>> = {
  organization_unavailable: 'could not be created. It is tried again at your next sign-in.',
  row_unreadable: 'is withheld: its stored row cannot be read. The operator has to correct it.',
  row_missing: 'is withheld: its stored row is gone. The operator has to look.',
  last_org_admin: 'keeps you as its organization admin: the last one is not removed automatically.',
  group_not_yet_known: 'is in your sign-in but not in the list of assigned groups yet. Sign in again later.',
  standalone_for_now: 'stands alone for now: its organization could not be created. It is linked later.',
  models_kept: 'is linked to its organization, but its models were edited by hand, so they stay.',
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
