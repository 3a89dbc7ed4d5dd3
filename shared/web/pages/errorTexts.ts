import type { ErrorCode } from '../../model/errors.ts';
import { type ErrorText, HEALTH, TELL_OPERATOR, TRY_LATER } from './errorText.ts';
import { signInErrorTexts } from './signInErrorTexts.ts';

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
  request_invalid: {
    title: 'The request is not valid',
    happened: 'The body of the request isn’t one that this address understands.',
    todo: 'Compare the request with the documentation.',
    fixer: 'operator',
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
  message_not_authentic: {
    title: 'A setup request isn’t ours',
    happened: 'A setup request was not signed by this service, so we didn’t use it.',
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
  snapshot_altered: {
    title: 'The list of your groups was changed',
    happened:
      'The groups from your sign-in were changed in our storage, so we didn’t use them. Your memberships haven’t changed.',
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
  ...signInErrorTexts,
  ...SITE,
  ...DIRECTORY,
  ...STORAGE,
  ...LITELLM,
};
