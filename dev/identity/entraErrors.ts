/** Entra's refusals: their numbers, texts and shapes. */
import { randomUUID } from 'node:crypto';

export interface EntraError {
  /** The number in `AADSTS…`. */
  readonly code: number;
  /** The OAuth error. */
  readonly error: string;
  readonly message: string;
  /** The HTTP status at the token endpoint. Default 400. */
  readonly status?: number;
  readonly suberror?: string;
  /** A claims challenge, as JSON text. */
  readonly claims?: string;
}

export const entraErrors = {
  accountUnknown: (login: string): EntraError => ({
    code: 50034,
    error: 'invalid_grant',
    message: `The user account ${login} does not exist in this directory.`,
  }),
  accountDisabled: { code: 50057, error: 'access_denied', message: 'The user account is disabled.' },
  notAssigned: (login: string, application: string): EntraError => ({
    code: 50105,
    error: 'access_denied',
    message:
      `The administrator of '${application}' lets in only people who are assigned to it. The user '${login}' is neither ` +
      'assigned directly nor a direct member of an assigned group.',
  }),
  consentMissing: (application: string, error: string): EntraError => ({
    code: 65001,
    error,
    message: `The user or administrator has not consented to use the application '${application}'.`,
  }),
  consentDeclined: {
    code: 65004,
    error: 'access_denied',
    message: 'User declined to consent to access the app.',
    suberror: 'cancel',
  },
  scopeUnknown: (scope: string): EntraError => ({
    code: 650053,
    error: 'invalid_client',
    message: `The application asked for scope '${scope}' that doesn't exist on the resource 'Microsoft Graph'.`,
  }),
  redirectUriUnknown: {
    code: 50011,
    error: 'invalid_request',
    message:
      'The redirect URI in the request does not match the redirect URIs configured for the application. ' +
      'The emulator accepts those from its command line, and http://localhost on any port with the path /sso/callback.',
  },
  clientUnknown: {
    code: 700016,
    error: 'unauthorized_client',
    message: 'The application was not found in the directory.',
  },
  clientSecretWrong: {
    code: 7000215,
    error: 'invalid_client',
    message: 'Invalid client secret provided. Send the value of the secret, not its id.',
    status: 401,
  },
  clientCredentialMissing: {
    code: 7000218,
    error: 'invalid_client',
    message: "The request body must contain the parameter 'client_assertion' or 'client_secret'.",
    status: 401,
  },
  clientAssertionWrong: {
    code: 700027,
    error: 'invalid_client',
    message: 'The client assertion failed validation.',
    status: 401,
  },
  federatedCredentialUnknown: {
    code: 700213,
    error: 'invalid_client',
    message: 'No matching federated identity record found for the presented assertion.',
    status: 401,
  },
  codeExpired: {
    code: 70008,
    error: 'invalid_grant',
    message: 'The provided authorization code or refresh token has expired. Sign in again.',
  },
  codeRedeemed: {
    code: 54005,
    error: 'invalid_grant',
    message: 'OAuth2 authorization code was already redeemed, please retry with a new valid code.',
  },
  codeMalformed: {
    code: 9002313,
    error: 'invalid_grant',
    message: 'Invalid request. The code is malformed or invalid.',
  },
  codeVerifierWrong: {
    code: 501481,
    error: 'invalid_grant',
    message: 'The code_verifier does not match the code_challenge supplied in the authorization request.',
  },
  codeRedirectUriWrong: {
    code: 500112,
    error: 'invalid_client',
    message: 'The redirect URI does not match the one provided when requesting the authorization code.',
  },
  codeChallengeMissing: {
    code: 9002325,
    error: 'invalid_request',
    message: 'Proof Key for Code Exchange is required here, with the method S256.',
  },
  interactionRequired: (claims: string): EntraError => ({
    code: 50076,
    error: 'interaction_required',
    message:
      'Due to a configuration change made by your administrator you must use multi-factor authentication.',
    suberror: 'basic_action',
    claims,
  }),
  loginRequired: {
    code: 50058,
    error: 'login_required',
    message: 'A silent sign-in request was sent but no user is signed in.',
  },
  appScopeWrong: (scope: string): EntraError => ({
    code: 1002012,
    error: 'invalid_scope',
    message: `The scope '${scope}' is not valid: client credential flows need a resource with /.default suffixed.`,
  }),
  resourceUnknown: (resource: string): EntraError => ({
    code: 500011,
    error: 'invalid_resource',
    message: `The resource principal named ${resource} was not found in the tenant.`,
  }),
  grantTypeUnsupported: {
    code: 70003,
    error: 'unsupported_grant_type',
    message: 'The app requested an unsupported grant type.',
  },
  requestMalformed: (detail: string): EntraError => ({
    code: 900144,
    error: 'invalid_request',
    message: `The request is not valid: ${detail}.`,
  }),
  transient: {
    code: 90033,
    error: 'temporarily_unavailable',
    message: 'A transient error has occurred. Please try again.',
  },
} as const satisfies Record<string, EntraError | ((...values: never[]) => EntraError)>;

interface Occurrence {
  readonly description: string;
  readonly timestamp: string;
  readonly traceId: string;
  readonly correlationId: string;
}

function occur(error: EntraError, at: Date, correlationId: string = randomUUID()): Occurrence {
  const traceId = randomUUID();
  const timestamp = at.toISOString().replace('T', ' ').replace(/\..*$/, 'Z');
  const trailer = `Trace ID: ${traceId} Correlation ID: ${correlationId} Timestamp: ${timestamp}`;
  return {
    description: `AADSTS${error.code}: ${error.message} ${trailer}`,
    timestamp,
    traceId,
    correlationId,
  };
}

/** Returns the address at which Entra explains an error. */
export const errorUri = (code: number): string => `https://login.microsoftonline.com/error?code=${code}`;

/** Returns the text of `error_description`, for a redirect or a page. */
export function describeError(error: EntraError, at: Date): string {
  return occur(error, at).description;
}

/** Renders the JSON body with which the token endpoint refuses. */
export function renderTokenError(error: EntraError, at: Date, correlationId?: string): object {
  const occurrence = occur(error, at, correlationId);
  return {
    error: error.error,
    error_description: occurrence.description,
    error_codes: [error.code],
    timestamp: occurrence.timestamp,
    trace_id: occurrence.traceId,
    correlation_id: occurrence.correlationId,
    error_uri: errorUri(error.code),
    ...(error.suberror === undefined ? {} : { suberror: error.suberror }),
    ...(error.claims === undefined ? {} : { claims: error.claims }),
  };
}
