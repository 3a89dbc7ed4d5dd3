import type { ErrorCode } from '../../model/errors.ts';

/** Who can fix it: the person, an Entra administrator, the operator, or time alone. */
export type Fixer = 'you' | 'administrator' | 'operator' | 'time';

/** What a person reads about one error code. */
export interface ErrorText {
  readonly title: string;
  readonly happened: string;
  readonly todo: string;
  readonly fixer: Fixer;
  /** What the person who can fix it should know: where to look and what to change. */
  readonly hint?: string;
  /** `login`: the person isn't signed in, so trying again means signing in again. `home`: the start page. */
  readonly retry: 'login' | 'home';
}

const TRY_LATER = 'Wait a minute, then try again.';
const TELL_OPERATOR = 'Try again once. If it keeps happening, send the reference below to the operator.';
const HEALTH = 'The details are in GET /api/health/detail (function key).';

const SIGN_IN = {
  attempt_missing: {
    title: 'This attempt to sign in has expired',
    happened:
      'You can finish a sign-in once, within 10 minutes, in the browser that started it. This one took longer, was already finished, or your browser didn’t keep its cookie.',
    todo: 'Start again. If it keeps happening, allow cookies for this site.',
    fixer: 'you',
    retry: 'login',
  },
  state_mismatch: {
    title: 'This answer belongs to another sign-in',
    happened:
      'Microsoft’s answer doesn’t belong to a sign-in that this browser started. To protect you, we didn’t use it.',
    todo: 'Start again from this page. Don’t use a saved link or the Back button.',
    fixer: 'you',
    retry: 'login',
  },
  code_missing: {
    title: 'Microsoft’s answer is incomplete',
    happened: 'The address that brought you back contains neither a sign-in code nor an error.',
    todo: 'Start again from this page. Don’t use a saved link.',
    fixer: 'you',
    retry: 'login',
  },
  consent_missing: {
    title: 'An administrator needs to approve this application',
    happened:
      'In your organization, only administrators can approve applications, and this one isn’t approved yet.',
    todo: 'Ask an Entra administrator to approve it, then try again.',
    fixer: 'administrator',
    hint: 'Microsoft Entra admin center → Enterprise applications → this application → Permissions → Grant admin consent. The application asks for openid, profile, email and User.Read, all delegated.',
    retry: 'login',
  },
  consent_declined: {
    title: 'The sign-in was cancelled',
    happened: 'You declined the permissions, or left the sign-in before it was finished.',
    todo: 'Try again and accept. We read your name, your email address and your groups. We change nothing in Microsoft Entra ID.',
    fixer: 'you',
    retry: 'login',
  },
  not_assigned: {
    title: 'You aren’t assigned to this application',
    happened: 'Microsoft knows your account, but it isn’t assigned to this application (AADSTS50105).',
    todo: 'Ask an Entra administrator to add you to a group that is assigned to it, then try again. If you have several accounts, check that you used the right one.',
    fixer: 'administrator',
    hint: 'Microsoft Entra admin center → Enterprise applications → this application → Users and groups. The person must be a direct member of an assigned group. Members of nested groups don’t count.',
    retry: 'login',
  },
  account_disabled: {
    title: 'Your account is disabled',
    happened: 'Microsoft refused the sign-in because your account is disabled or locked.',
    todo: 'Ask an Entra administrator to enable it, then try again.',
    fixer: 'administrator',
    hint: 'Microsoft Entra admin center → Users → this person → Account status.',
    retry: 'login',
  },
  interaction_required: {
    title: 'Microsoft asks for one more step',
    happened:
      'Your organization requires another step, such as a second factor or a managed device, and it wasn’t completed.',
    todo: 'Try again and complete the step that Microsoft shows you.',
    fixer: 'you',
    hint: 'If Microsoft shows no step, the sign-in logs of Microsoft Entra name the Conditional Access policy that requires it.',
    retry: 'login',
  },
  sign_in_refused: {
    title: 'Microsoft refused the sign-in',
    happened: 'Microsoft ended the sign-in with an error that we don’t recognize.',
    todo: 'Try again once. If it keeps happening, send the details and the reference below to an Entra administrator.',
    fixer: 'administrator',
    hint: 'The sign-in logs of Microsoft Entra list this attempt under Failure reason.',
    retry: 'login',
  },
  code_refused: {
    title: 'The sign-in code was not accepted',
    happened: 'A sign-in code works once, for a few minutes. This one was already used or is too old.',
    todo: 'Start again, and don’t reload the page during the sign-in.',
    fixer: 'you',
    retry: 'login',
  },
  credential_refused: {
    title: 'This service can’t identify itself to Microsoft',
    happened:
      'Microsoft didn’t accept this application’s own credential. Until that is fixed, no one can sign in.',
    todo: 'You can’t fix this yourself. Send the reference to the operator.',
    fixer: 'operator',
    hint: `The client secret may have expired (MICROSOFT_CLIENT_SECRET), or the federated credential has a different issuer, subject or audience. ${HEALTH}`,
    retry: 'login',
  },
  microsoft_unreachable: {
    title: 'Microsoft didn’t answer',
    happened: 'We couldn’t confirm who you are, because Microsoft’s sign-in service didn’t answer in time.',
    todo: TRY_LATER,
    fixer: 'time',
    retry: 'login',
  },
  id_token_invalid: {
    title: 'We couldn’t verify Microsoft’s answer',
    happened:
      'The identity in Microsoft’s answer didn’t pass our checks (signature, issuer, audience, time), so we didn’t use it.',
    todo: TELL_OPERATOR,
    fixer: 'operator',
    hint: 'Compare MICROSOFT_TENANT and MICROSOFT_CLIENT_ID with the app registration.',
    retry: 'login',
  },
  wrong_tenant: {
    title: 'This account belongs to another organization',
    happened:
      'Only accounts of one Microsoft Entra tenant can sign in here, and you signed in with an account of another organization.',
    todo: 'Try again with your work account. If Microsoft picks the other account automatically, sign out there first or use a private window.',
    fixer: 'you',
    retry: 'login',
  },
  domain_not_allowed: {
    title: 'Your email domain isn’t allowed',
    happened: 'Only some email domains can sign in here, and the domain of your account isn’t one of them.',
    todo: 'Try again with another account, or ask the operator to allow the domain.',
    fixer: 'operator',
    hint: 'The allowed domains are in ALLOWED_EMAIL_DOMAINS.',
    retry: 'login',
  },
  clock_skew: {
    title: 'The clock of this service is wrong',
    happened:
      'The time in Microsoft’s answer and the time here are too far apart, so we couldn’t trust the answer.',
    todo: TELL_OPERATOR,
    fixer: 'operator',
    hint: 'Check that the host’s clock is synchronized.',
    retry: 'login',
  },
} as const satisfies Partial<Record<ErrorCode, ErrorText>>;

const SITE = {
  configuration_invalid: {
    title: 'This service isn’t set up correctly',
    happened: 'One of its settings is missing or wrong, so no one can sign in.',
    todo: 'You can’t fix this yourself. Send the reference to the operator.',
    fixer: 'operator',
    hint: HEALTH,
    retry: 'home',
  },
  session_missing: {
    title: 'You’re signed out',
    happened: 'A session lasts 8 hours. If you sign out in one browser, it ends in all of them.',
    todo: 'Sign in again.',
    fixer: 'you',
    retry: 'home',
  },
  account_inactive: {
    title: 'Your access has been switched off',
    happened:
      'An administrator made your user inactive in this service. Your Microsoft account isn’t affected.',
    todo: 'If you think that’s a mistake, send the reference below to the operator.',
    fixer: 'operator',
    hint: 'The user’s row has active: false.',
    retry: 'home',
  },
  origin_mismatch: {
    title: 'This request came from another site',
    happened: 'You can only sign out from this site’s own pages, so we ignored the request.',
    todo: 'Go to the start page and sign out there.',
    fixer: 'you',
    hint: 'If it happens on the site’s own page, set PUBLIC_URL to the address that people use.',
    retry: 'home',
  },
  not_found: {
    title: 'Page not found',
    happened: 'Nothing is at this address, or it belongs to another person.',
    todo: 'Check the address, or go to the start page.',
    fixer: 'you',
    retry: 'home',
  },
  unexpected: {
    title: 'Something went wrong here',
    happened: 'An unexpected error occurred in this service.',
    todo: TELL_OPERATOR,
    fixer: 'operator',
    hint: 'The log has the error under the reference.',
    retry: 'home',
  },
} as const satisfies Partial<Record<ErrorCode, ErrorText>>;

const DIRECTORY = {
  directory_unreachable: {
    title: 'We couldn’t read your groups',
    happened:
      'Microsoft Graph, where we read your groups, didn’t answer in time. Your memberships haven’t changed.',
    todo: TRY_LATER,
    fixer: 'time',
    retry: 'login',
  },
  directory_permission_missing: {
    title: 'This service isn’t allowed to read your groups',
    happened: 'Microsoft Graph refused our request because a permission is missing.',
    todo: 'Ask an Entra administrator to grant it, then try again.',
    fixer: 'administrator',
    hint: 'User.Read (delegated) reads a person’s own groups. Application.Read.All (application) reads the assigned groups. Grant both in the app registration under API permissions.',
    retry: 'login',
  },
  directory_answer_invalid: {
    title: 'We couldn’t read your groups',
    happened: 'We couldn’t understand Microsoft Graph’s answer. Your memberships haven’t changed.',
    todo: TELL_OPERATOR,
    fixer: 'operator',
    retry: 'login',
  },
  assigned_groups_unknown: {
    title: 'We don’t know the assigned groups yet',
    happened: 'This service hasn’t read yet which groups are assigned to the application.',
    todo: TRY_LATER,
    fixer: 'time',
    hint: HEALTH,
    retry: 'home',
  },
  groups_not_yet_known: {
    title: 'We don’t know some of your groups yet',
    happened: 'Entra needs a few minutes until it lists a newly assigned group.',
    todo: 'Wait a few minutes, then try again.',
    fixer: 'time',
    retry: 'home',
  },
  groups_not_checked: {
    title: 'We haven’t checked all of your groups yet',
    happened: 'We haven’t read yet which groups are assigned now.',
    todo: 'Wait a few minutes, then try again.',
    fixer: 'time',
    retry: 'home',
  },
} as const satisfies Partial<Record<ErrorCode, ErrorText>>;

const STORAGE = {
  storage_unavailable: {
    title: 'Storage doesn’t answer',
    happened: 'We couldn’t read or write our data in time.',
    todo: TRY_LATER,
    fixer: 'time',
    hint: HEALTH,
    retry: 'home',
  },
  storage_refused: {
    title: 'Storage refused the request',
    happened: 'We reached our storage, but it refused the request.',
    todo: TELL_OPERATOR,
    fixer: 'operator',
    hint: `Check the role assignments on the tables and queues. ${HEALTH}`,
    retry: 'home',
  },
  storage_contention: {
    title: 'The same data was being changed',
    happened: 'Several changes to the same data came together, and this one couldn’t be made.',
    todo: TRY_LATER,
    fixer: 'time',
    retry: 'home',
  },
  row_unreadable: {
    title: 'A stored row is unreadable',
    happened: 'A row in our storage was changed and we can’t understand it any more.',
    todo: TELL_OPERATOR,
    fixer: 'operator',
    hint: 'The log names the table, the row and the column.',
    retry: 'home',
  },
  organization_unavailable: {
    title: 'We couldn’t create an organization',
    happened: 'One of your groups belongs to an organization that we couldn’t create.',
    todo: TRY_LATER,
    fixer: 'operator',
    retry: 'home',
  },
  message_unreadable: {
    title: 'Your setup request is unreadable',
    happened: 'We couldn’t read the setup request from your sign-in.',
    todo: 'Sign in again. If it keeps happening, send the reference below to the operator.',
    fixer: 'operator',
    retry: 'home',
  },
  snapshot_missing: {
    title: 'The list of your groups is missing',
    happened: 'The groups from your sign-in are no longer stored. Your memberships haven’t changed.',
    todo: 'Sign in again, so that we read your groups again.',
    fixer: 'you',
    retry: 'home',
  },
  observation_in_future: {
    title: 'Your sign-in is in the future',
    happened: 'The time of your sign-in is ahead of this service’s clock, so we didn’t trust it.',
    todo: TELL_OPERATOR,
    fixer: 'operator',
    hint: 'Check that the host’s clock is synchronized.',
    retry: 'home',
  },
  waited_too_long: {
    title: 'Setup took too long',
    happened: 'We tried to set up your access for 24 hours and stopped.',
    todo: 'Sign in again. If it keeps happening, send the reference below to the operator.',
    fixer: 'operator',
    hint: HEALTH,
    retry: 'home',
  },
} as const satisfies Partial<Record<ErrorCode, ErrorText>>;

const LITELLM = {
  litellm_unreachable: {
    title: 'LiteLLM doesn’t answer',
    happened: 'Your access is ready here, but LiteLLM hasn’t been updated yet.',
    todo: TRY_LATER,
    fixer: 'time',
    hint: HEALTH,
    retry: 'home',
  },
  litellm_key_refused: {
    title: 'LiteLLM refused this service’s key',
    happened: 'The LiteLLM proxy doesn’t let us change users, teams and organizations.',
    todo: TELL_OPERATOR,
    fixer: 'operator',
    hint: 'LITELLM_API_KEY must be the master key or the key of a proxy_admin. Nothing is lost: we’ll try again.',
    retry: 'home',
  },
  litellm_right_missing: {
    title: 'This service’s key has too few rights in LiteLLM',
    happened: 'The LiteLLM proxy accepts the key but doesn’t let it change users, teams and organizations.',
    todo: TELL_OPERATOR,
    fixer: 'operator',
    hint: 'LITELLM_API_KEY must be the master key or the key of a proxy_admin. Nothing is lost: we’ll try again.',
    retry: 'home',
  },
  litellm_version_unsafe: {
    title: 'The LiteLLM proxy has to be replaced',
    happened:
      'The LiteLLM proxy runs a version that was withdrawn because it was compromised. We send nothing to it.',
    todo: TELL_OPERATOR,
    fixer: 'operator',
    hint: 'Replace the proxy with another version, and then its master key and LITELLM_API_KEY. Everything that waits is sent then.',
    retry: 'home',
  },
  organizations_unlicensed: {
    title: 'LiteLLM has no licence for organizations',
    happened:
      'This version of the LiteLLM proxy has organizations only with a licence. Users and teams work without one.',
    todo: TELL_OPERATOR,
    fixer: 'operator',
    hint: 'Add the licence to the proxy, or leave it: each team then carries the limits of its organization.',
    retry: 'home',
  },
  litellm_answer_invalid: {
    title: 'The configured address isn’t a LiteLLM proxy',
    happened: 'We couldn’t understand the answer from the LiteLLM proxy’s address.',
    todo: TELL_OPERATOR,
    fixer: 'operator',
    hint: 'Check LITELLM_BASE_URL. It must be the address of the proxy itself, without /v1 or /ui.',
    retry: 'home',
  },
  litellm_refused: {
    title: 'LiteLLM refused a change',
    happened: 'The LiteLLM proxy refused a change to your user, a team, an organization or a membership.',
    todo: TELL_OPERATOR,
    fixer: 'operator',
    hint: 'The log has its name and the status of the answer.',
    retry: 'home',
  },
  litellm_email_taken: {
    title: 'LiteLLM has another user with your email',
    happened: 'In LiteLLM, an email address can belong to only one user, and another user has yours.',
    todo: TELL_OPERATOR,
    fixer: 'operator',
    hint: 'In LiteLLM, change the other user’s email or delete that user. Then put the message back (npm run redrive).',
    retry: 'home',
  },
  litellm_role_needs_licence: {
    title: 'LiteLLM needs a licence for a role',
    happened: 'LiteLLM needs a licence for team admins. You get the role of a member instead.',
    todo: TELL_OPERATOR,
    fixer: 'operator',
    retry: 'home',
  },
  sync_overtaken: {
    title: 'Another update of LiteLLM is in progress',
    happened: 'Two updates about the same person or team came together, and this one has to wait.',
    todo: TRY_LATER,
    fixer: 'time',
    retry: 'home',
  },
} as const satisfies Partial<Record<ErrorCode, ErrorText>>;

/** The texts of every error. The type is complete, so a new code doesn't compile without its text. */
export const errorTexts: Readonly<Record<ErrorCode, ErrorText>> = {
  ...SIGN_IN,
  ...SITE,
  ...DIRECTORY,
  ...STORAGE,
  ...LITELLM,
};
