import type { ErrorCode } from '../../model/errors.ts';
import { type ErrorText, HEALTH, TELL_OPERATOR, TRY_LATER } from './errorText.ts';

/** The texts of what can go wrong on the way to Microsoft and back. */
export const signInErrorTexts = {
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
  callback_malformed: {
    title: 'This answer isn’t Microsoft’s',
    happened:
      'The address that brought you back contains something twice, or names another sign-in service. To protect you, we didn’t use it.',
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
    happened: 'Microsoft refused the sign-in because your account is disabled.',
    todo: 'Ask an Entra administrator to enable it, then try again.',
    fixer: 'administrator',
    hint: 'Microsoft Entra admin center → Users → this person → Account status.',
    retry: 'login',
  },
  account_locked: {
    title: 'Your account is locked',
    happened:
      'Microsoft refused the sign-in because there were too many wrong passwords, or because it doesn’t trust the network you use.',
    todo: 'Wait half an hour, then try again from your usual network. If it keeps happening, ask an Entra administrator.',
    fixer: 'administrator',
    hint: 'The sign-in logs of Microsoft Entra say under Failure reason which of the two it was.',
    retry: 'login',
  },
  password_expired: {
    title: 'You have to change your password',
    happened: 'Your Microsoft password has expired or must be replaced, and that wasn’t completed.',
    todo: 'Change your password at Microsoft, then try again.',
    fixer: 'you',
    hint: 'If Microsoft offers no way to change it, an Entra administrator can reset it.',
    retry: 'login',
  },
  policy_blocked: {
    title: 'Your organization’s policy blocks this sign-in',
    happened:
      'Microsoft knows your account, but a policy of your organization, such as Conditional Access, doesn’t allow this sign-in.',
    todo: 'Send the details and the reference below to an Entra administrator.',
    fixer: 'administrator',
    hint: 'The sign-in logs of Microsoft Entra list this attempt. Its Conditional Access tab names the policy that blocks it.',
    retry: 'login',
  },
  device_refused: {
    title: 'Your organization doesn’t accept this device',
    happened:
      'A policy of your organization requires a managed device, or a browser that can identify the device. This one didn’t meet it.',
    todo: 'Try again on a device that your organization manages, with a browser that it supports.',
    fixer: 'you',
    hint: 'If the device is managed, an Entra administrator finds the reason in the sign-in logs, under Device info and Conditional Access.',
    retry: 'login',
  },
  interaction_required: {
    title: 'Microsoft asks for one more step',
    happened:
      'Microsoft or your organization requires another step, such as a password or a second factor, and it wasn’t completed.',
    todo: 'Try again and complete the step that Microsoft shows you.',
    fixer: 'you',
    hint: 'If Microsoft shows no step, the sign-in logs of Microsoft Entra name the Conditional Access policy that requires it.',
    retry: 'login',
  },
  identity_provider_failed: {
    title: 'Your organization’s own sign-in system failed',
    happened:
      'Microsoft passes your sign-in on to a system of your organization, and that system didn’t confirm who you are.',
    todo: 'Try again once. If it keeps happening, send the details and the reference below to an Entra administrator.',
    fixer: 'administrator',
    hint: 'Check the federated identity provider or the on-premises authentication agents. The number is explained at https://login.microsoftonline.com/error.',
    retry: 'login',
  },
  application_disabled: {
    title: 'This application is switched off',
    happened: 'An administrator disabled this application in Microsoft Entra ID, so no one can sign in.',
    todo: 'Ask an Entra administrator to enable it, then try again.',
    fixer: 'administrator',
    hint: 'Microsoft Entra admin center → Enterprise applications → this application → Properties → Enabled for users to sign in.',
    retry: 'login',
  },
  application_misconfigured: {
    title: 'This application isn’t set up correctly at Microsoft',
    happened:
      'Microsoft doesn’t know this application in your organization, or the application asks for something that isn’t set up there.',
    todo: 'You can’t fix this yourself. Send the details and the reference below to the operator.',
    fixer: 'operator',
    hint: 'Compare MICROSOFT_TENANT, MICROSOFT_CLIENT_ID, the redirect URI and the API permissions with the app registration. The number is explained at https://login.microsoftonline.com/error.',
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
    hint: `The client secret is wrong or has expired (MICROSOFT_CLIENT_SECRET), or the federated credential has a different issuer, subject or audience. ${HEALTH}`,
    retry: 'login',
  },
  microsoft_unreachable: {
    title: 'Microsoft didn’t answer',
    happened:
      'We couldn’t confirm who you are, because Microsoft’s sign-in service didn’t answer in time or was too busy.',
    todo: TRY_LATER,
    fixer: 'time',
    retry: 'login',
  },
  id_token_invalid: {
    title: 'We couldn’t verify Microsoft’s answer',
    happened:
      'The identity in Microsoft’s answer didn’t pass our checks (form, signature, issuer, audience, time), so we didn’t use it.',
    todo: TELL_OPERATOR,
    fixer: 'operator',
    hint: 'Compare MICROSOFT_TENANT and MICROSOFT_CLIENT_ID with the app registration.',
    retry: 'login',
  },
  signing_key_unknown: {
    title: 'Microsoft has just changed its keys',
    happened:
      'Microsoft signed its answer with a key that it hasn’t published yet, so we couldn’t verify the answer and didn’t use it.',
    todo: 'Wait a few seconds, then try again.',
    fixer: 'time',
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
