import type { ErrorCode } from '../../model/errors.ts';

/** Who can change it: the person, whoever runs Entra, whoever runs this service, or time alone. */
export type Fixer = 'you' | 'administrator' | 'operator' | 'time';

/** What a person reads about one error code. */
export interface ErrorText {
  readonly title: string;
  readonly happened: string;
  readonly todo: string;
  readonly fixer: Fixer;
  /** What to tell whoever can fix it: where to look and what to change. */
  readonly hint?: string;
  /** `login`: no session came of it, so trying again means signing in again. `home`: the start page. */
  readonly retry: 'login' | 'home';
}

const TRY_LATER = 'Wait a minute, then try again.';
const TELL_OPERATOR = 'Try again once. If it stays, give the operator the reference below.';
const HEALTH = 'The details are in GET /api/health/detail (function key).';

const SIGN_IN = {
  attempt_missing: {
    title: 'This attempt to sign in has expired',
    happened:
      'A sign-in is finished within 10 minutes, once, in the browser that started it. This one took longer, was finished before, or its cookie was not kept.',
    todo: 'Start again. If it happens every time, allow cookies for this site.',
    fixer: 'you',
    retry: 'login',
  },
  state_mismatch: {
    title: 'This answer belongs to another sign-in',
    happened:
      'What came back from Microsoft does not belong to a sign-in that this browser started. For your protection it was not used.',
    todo: 'Start again here, rather than from a saved link or with the Back button.',
    fixer: 'you',
    retry: 'login',
  },
  code_missing: {
    title: 'The answer from Microsoft is incomplete',
    happened: 'The address that brought you back holds neither a sign-in code nor an error.',
    todo: 'Start again here, rather than from a saved link.',
    fixer: 'you',
    retry: 'login',
  },
  consent_missing: {
    title: 'An administrator has to approve this application',
    happened:
      'Your organization does not let people approve applications themselves, and nobody has approved this one yet.',
    todo: 'Ask an Entra administrator to approve it, then try again.',
    fixer: 'administrator',
    hint: 'Microsoft Entra admin center → Enterprise applications → this application → Permissions → Grant admin consent. It asks for openid, profile, email and User.Read, all delegated.',
    retry: 'login',
  },
  consent_declined: {
    title: 'The sign-in was cancelled',
    happened: 'The permissions were declined, or the sign-in was left before its end.',
    todo: 'Try again and accept. The application reads your name, your email address and your groups, and changes nothing in Microsoft Entra ID.',
    fixer: 'you',
    retry: 'login',
  },
  not_assigned: {
    title: 'You are not assigned to this application',
    happened: 'Microsoft knows you, but your account has not been given this application (AADSTS50105).',
    todo: 'Ask an Entra administrator to add you to a group that has it, then try again. With several accounts, check that it was the right one.',
    fixer: 'administrator',
    hint: 'Microsoft Entra admin center → Enterprise applications → this application → Users and groups. The person must be a direct member of an assigned group: assignment does not reach members of nested groups.',
    retry: 'login',
  },
  account_disabled: {
    title: 'Your account is disabled',
    happened: 'Microsoft refused the sign-in because the account is disabled or locked.',
    todo: 'Ask an Entra administrator to enable it, then try again.',
    fixer: 'administrator',
    hint: 'Microsoft Entra admin center → Users → this person → Account status.',
    retry: 'login',
  },
  interaction_required: {
    title: 'Microsoft asks for one more step',
    happened:
      'Your organization requires something more, such as a second factor or a managed device, and that step was not completed.',
    todo: 'Try again and complete the step that Microsoft shows.',
    fixer: 'you',
    hint: 'If no step is shown: the sign-in logs of Microsoft Entra name the Conditional Access policy that asks for it.',
    retry: 'login',
  },
  sign_in_refused: {
    title: 'Microsoft refused the sign-in',
    happened: 'Microsoft ended the sign-in with an error that this application does not know.',
    todo: 'Try again once. If it stays, give an Entra administrator the details and the reference below.',
    fixer: 'administrator',
    hint: 'The sign-in logs of Microsoft Entra list this attempt under Failure reason.',
    retry: 'login',
  },
  code_refused: {
    title: 'The sign-in code was not accepted',
    happened: 'Such a code works once and for a few minutes. This one was used before or is too old.',
    todo: 'Start again, and do not reload the page while it is signing you in.',
    fixer: 'you',
    retry: 'login',
  },
  credential_refused: {
    title: 'This service cannot identify itself to Microsoft',
    happened:
      'Microsoft did not accept the application’s own credential. This concerns everybody who signs in.',
    todo: 'Nothing that you can do: tell the operator, with the reference below.',
    fixer: 'operator',
    hint: `A client secret may have expired (MICROSOFT_CLIENT_SECRET), or the federated credential’s issuer, subject or audience differs. ${HEALTH}`,
    retry: 'login',
  },
  microsoft_unreachable: {
    title: 'Microsoft did not answer',
    happened:
      'Your identity could not be confirmed, because Microsoft’s sign-in service did not answer in time.',
    todo: TRY_LATER,
    fixer: 'time',
    retry: 'login',
  },
  id_token_invalid: {
    title: 'The answer from Microsoft could not be verified',
    happened:
      'The identity that came back did not pass the checks (signature, issuer, audience, time). It was not used.',
    todo: TELL_OPERATOR,
    fixer: 'operator',
    hint: 'Compare MICROSOFT_TENANT and MICROSOFT_CLIENT_ID with the app registration.',
    retry: 'login',
  },
  wrong_tenant: {
    title: 'This account belongs to another organization',
    happened:
      'Only accounts of one Microsoft Entra tenant are let in here, and you signed in with another one’s.',
    todo: 'Try again with your work account. If Microsoft takes the other one by itself, sign out there first or use a private window.',
    fixer: 'you',
    retry: 'login',
  },
  domain_not_allowed: {
    title: 'Your email domain is not allowed',
    happened: 'Only some email domains are let in here, and that of your account is not among them.',
    todo: 'Try again with another account, or ask the operator to allow the domain.',
    fixer: 'operator',
    hint: 'The allowed domains are in ALLOWED_EMAIL_DOMAINS.',
    retry: 'login',
  },
  clock_skew: {
    title: 'The clock of this service is wrong',
    happened:
      'The time in Microsoft’s answer and the time here are too far apart, so it could not be trusted.',
    todo: TELL_OPERATOR,
    fixer: 'operator',
    hint: 'Check the time synchronisation of the host.',
    retry: 'login',
  },
} as const satisfies Partial<Record<ErrorCode, ErrorText>>;

const SITE = {
  configuration_invalid: {
    title: 'This service is not set up correctly',
    happened: 'One of its settings is missing or wrong, so it does not let anybody in.',
    todo: 'Nothing that you can do: tell the operator, with the reference below.',
    fixer: 'operator',
    hint: HEALTH,
    retry: 'home',
  },
  session_missing: {
    title: 'You are signed out',
    happened: 'A session lasts 8 hours, and ends in every browser once you sign out in one.',
    todo: 'Sign in again.',
    fixer: 'you',
    retry: 'home',
  },
  account_inactive: {
    title: 'Your access has been switched off',
    happened: 'An administrator has made your user inactive here. Your Microsoft account is not affected.',
    todo: 'If that is a mistake, ask the operator, with the reference below.',
    fixer: 'operator',
    hint: 'The user’s row says active: false.',
    retry: 'home',
  },
  origin_mismatch: {
    title: 'This request came from another site',
    happened: 'Signing out works only from this site’s own pages, so the request was not carried out.',
    todo: 'Go to the start page and sign out there.',
    fixer: 'you',
    hint: 'If it happens on the site’s own page: PUBLIC_URL must be the address that people use.',
    retry: 'home',
  },
  not_found: {
    title: 'There is no such page',
    happened: 'The address leads nowhere, or what it names belongs to somebody else.',
    todo: 'Check the address, or go to the start page.',
    fixer: 'you',
    retry: 'home',
  },
  unexpected: {
    title: 'Something went wrong here',
    happened: 'This service met an error that it does not know.',
    todo: TELL_OPERATOR,
    fixer: 'operator',
    hint: 'The log holds the error under the reference.',
    retry: 'home',
  },
} as const satisfies Partial<Record<ErrorCode, ErrorText>>;

const DIRECTORY = {
  directory_unreachable: {
    title: 'Your groups could not be read',
    happened:
      'Microsoft Graph, which knows your groups, did not answer in time. None of your memberships was changed.',
    todo: TRY_LATER,
    fixer: 'time',
    retry: 'login',
  },
  directory_permission_missing: {
    title: 'This service may not read your groups',
    happened: 'Microsoft Graph refused the request for groups: a permission has not been granted.',
    todo: 'Ask an Entra administrator to grant it, then try again.',
    fixer: 'administrator',
    hint: 'User.Read (delegated) reads a person’s own groups; Application.Read.All (application) reads the assigned groups. Both are granted under the app registration → API permissions.',
    retry: 'login',
  },
  directory_answer_invalid: {
    title: 'Your groups could not be read',
    happened:
      'Microsoft Graph answered in a form that this service does not understand. Nothing was changed.',
    todo: TELL_OPERATOR,
    fixer: 'operator',
    retry: 'login',
  },
  assigned_groups_unknown: {
    title: 'The assigned groups are not known yet',
    happened: 'This service has not read yet which groups are assigned to the application.',
    todo: TRY_LATER,
    fixer: 'time',
    hint: HEALTH,
    retry: 'home',
  },
  groups_not_yet_known: {
    title: 'Some of your groups are not known yet',
    happened: 'Entra takes a while until it lists a newly assigned group.',
    todo: 'Wait a few minutes, then try again.',
    fixer: 'time',
    retry: 'home',
  },
} as const satisfies Partial<Record<ErrorCode, ErrorText>>;

const STORAGE = {
  storage_unavailable: {
    title: 'Storage does not answer',
    happened: 'This service could not read or write its data in time.',
    todo: TRY_LATER,
    fixer: 'time',
    hint: HEALTH,
    retry: 'home',
  },
  storage_refused: {
    title: 'Storage refused the request',
    happened: 'This service reached its storage, which refused what was asked of it.',
    todo: TELL_OPERATOR,
    fixer: 'operator',
    hint: `Check the role assignments on the tables and queues. ${HEALTH}`,
    retry: 'home',
  },
  storage_contention: {
    title: 'Somebody else was changing the same data',
    happened: 'Several changes met, and this one did not get its turn.',
    todo: TRY_LATER,
    fixer: 'time',
    retry: 'home',
  },
  row_unreadable: {
    title: 'A stored row cannot be read',
    happened: 'A row was changed into something that this service does not understand.',
    todo: TELL_OPERATOR,
    fixer: 'operator',
    hint: 'The log names the table, the row and the column.',
    retry: 'home',
  },
  organization_unavailable: {
    title: 'An organization could not be created',
    happened: 'One of your groups stands for an organization that could not be created.',
    todo: TRY_LATER,
    fixer: 'operator',
    retry: 'home',
  },
  message_unreadable: {
    title: 'What was to be set up cannot be read',
    happened: 'What your sign-in left to be done cannot be understood.',
    todo: 'Sign in again. If it stays, give the operator the reference below.',
    fixer: 'operator',
    retry: 'home',
  },
  snapshot_missing: {
    title: 'The list of your groups is gone',
    happened: 'The groups that your sign-in saw are no longer stored. None of your memberships was changed.',
    todo: 'Sign in again: your groups are then read anew.',
    fixer: 'you',
    retry: 'home',
  },
  observation_in_future: {
    title: 'A sign-in lies in the future',
    happened: 'The time of your sign-in is ahead of this service’s clock, so it was not trusted.',
    todo: TELL_OPERATOR,
    fixer: 'operator',
    hint: 'Check the time synchronisation of the host.',
    retry: 'home',
  },
  waited_too_long: {
    title: 'Setting up took too long',
    happened: 'What your sign-in asked for waited for 24 hours and was given up.',
    todo: 'Sign in again. If it stays, give the operator the reference below.',
    fixer: 'operator',
    hint: HEALTH,
    retry: 'home',
  },
} as const satisfies Partial<Record<ErrorCode, ErrorText>>;

const LITELLM = {
  litellm_unreachable: {
    title: 'LiteLLM does not answer',
    happened: 'Your access is set up here, but the LiteLLM proxy could not be told yet.',
    todo: TRY_LATER,
    fixer: 'time',
    hint: HEALTH,
    retry: 'home',
  },
  litellm_key_refused: {
    title: 'LiteLLM refused the key of this service',
    happened: 'The LiteLLM proxy does not let this service change users, teams and organizations.',
    todo: TELL_OPERATOR,
    fixer: 'operator',
    hint: 'LITELLM_API_KEY must be the master key or the key of a proxy_admin. Nothing is lost: it is tried again.',
    retry: 'home',
  },
  litellm_answer_invalid: {
    title: 'What answers is not the LiteLLM proxy',
    happened: 'The address of the LiteLLM proxy answers in a form that this service does not understand.',
    todo: TELL_OPERATOR,
    fixer: 'operator',
    hint: 'Check LITELLM_BASE_URL: the address of the proxy itself, without /v1 or /ui after it.',
    retry: 'home',
  },
  litellm_refused: {
    title: 'LiteLLM refused a change',
    happened: 'The LiteLLM proxy did not accept a user, team, organization or membership of yours.',
    todo: TELL_OPERATOR,
    fixer: 'operator',
    hint: 'The log names which one, and the status of the answer.',
    retry: 'home',
  },
  litellm_email_taken: {
    title: 'LiteLLM has another user with your email',
    happened: 'The LiteLLM proxy allows an email once, and another user there has yours.',
    todo: TELL_OPERATOR,
    fixer: 'operator',
    hint: 'In LiteLLM, change the email of the other user or delete it; then put the message back (npm run redrive).',
    retry: 'home',
  },
  litellm_role_needs_licence: {
    title: 'LiteLLM needs a licence for a role',
    happened:
      'The LiteLLM proxy makes nobody admin of a team without a licence. A member’s role is given instead.',
    todo: TELL_OPERATOR,
    fixer: 'operator',
    retry: 'home',
  },
  sync_overtaken: {
    title: 'Somebody else is telling LiteLLM the same',
    happened: 'Two messages about the same person or team met, and this one did not get its turn.',
    todo: TRY_LATER,
    fixer: 'time',
    retry: 'home',
  },
} as const satisfies Partial<Record<ErrorCode, ErrorText>>;

/** What a person reads about each error: complete by type, so that a new code does not compile without its text. */
export const errorTexts: Readonly<Record<ErrorCode, ErrorText>> = {
  ...SIGN_IN,
  ...SITE,
  ...DIRECTORY,
  ...STORAGE,
  ...LITELLM,
};
