/** The token endpoint: adds Entra's credentials and refusals before the provider, and Entra's answers after it. */
import { IncomingMessage } from 'node:http';
import type { ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';

import type { errors, KoaContextWithOIDC, Provider } from 'oidc-provider';
import { z } from 'zod';

import { accessTokenLifetimeSeconds, signAccessToken } from './accessToken.ts';
import { verifyClientAssertion } from './clientAssertion.ts';
import { findPersonBySubject } from './directory.ts';
import { graphBaseUrl } from './emulator.ts';
import type { Emulator } from './emulator.ts';
import { entraErrors, renderTokenError } from './entraErrors.ts';
import type { EntraError } from './entraErrors.ts';
import { actOutEndpointFault, takeFault } from './faults.ts';
import { forgeIdToken, withoutNulls } from './forgedToken.ts';
import { routes } from './provider.ts';
import type { RecordedRequest } from './recordedRequest.ts';

const defaultChallenge = JSON.stringify({ access_token: { acrs: { essential: true, value: 'c1' } } });

/** The codes of sign-ins that answered a claims challenge. */
const challengedCodes = new WeakMap<Emulator, Set<string>>();

function challengedCodesOf(emulator: Emulator): Set<string> {
  let codes = challengedCodes.get(emulator);
  if (codes === undefined) {
    codes = new Set();
    challengedCodes.set(emulator, codes);
  }
  return codes;
}

const correlationIdOf = (request: IncomingMessage): string | undefined => {
  const header = request.headers['client-request-id'];
  return typeof header === 'string' ? header : undefined;
};

function findInterruption(emulator: Emulator, form: URLSearchParams): EntraError | undefined {
  const { consentMissing, conditionalAccess } = emulator.faults.current;
  if (form.get('grant_type') !== 'authorization_code') {
    return undefined;
  }
  if (typeof consentMissing === 'object' && consentMissing.at === 'token') {
    const refusal = entraErrors.consentMissing(
      emulator.directory().application.displayName,
      consentMissing.error ?? 'invalid_grant',
    );
    return consentMissing.suberror ? { ...refusal, suberror: 'consent_required' } : refusal;
  }
  if ((conditionalAccess ?? false) !== false && !challengedCodesOf(emulator).has(form.get('code') ?? '')) {
    return entraErrors.interactionRequired(
      typeof conditionalAccess === 'object' ? conditionalAccess.claims : defaultChallenge,
    );
  }
  return undefined;
}

function findScopeRefusal(emulator: Emulator, form: URLSearchParams): EntraError | undefined {
  if (form.get('grant_type') !== 'client_credentials') {
    return undefined;
  }
  const scope = form.get('scope') ?? '';
  if (!/^\S+\/\.default$/.test(scope)) {
    return entraErrors.appScopeWrong(scope);
  }
  const resource = scope.slice(0, -'/.default'.length).replace(/\/$/, '');
  const graph = [
    'https://graph.microsoft.com',
    emulator.origin,
    `${emulator.origin}/graph`,
    graphBaseUrl(emulator),
  ];
  return graph.includes(resource) ? undefined : entraErrors.resourceUnknown(resource);
}

/** Checks the credential. Replaces a valid assertion by the secret, because the provider knows only the secret. */
async function settleCredential(emulator: Emulator, form: URLSearchParams): Promise<EntraError | undefined> {
  const assertion = form.get('client_assertion');
  if (form.get('client_id') !== emulator.directory().application.clientId) {
    return entraErrors.clientUnknown;
  }
  if (assertion === null) {
    return form.has('client_secret') ? undefined : entraErrors.clientCredentialMissing;
  }
  const refusal = await verifyClientAssertion(emulator, assertion);
  if (refusal === undefined) {
    form.delete('client_assertion');
    form.delete('client_assertion_type');
    form.set('client_secret', emulator.clientSecret);
  }
  return refusal;
}

/** Returns whether `claims` answers a challenge. MSAL always sends it, but about the access token only in an answer. */
function answersChallenge(claims: unknown): boolean {
  return typeof claims === 'string' && claims.includes('"access_token"');
}

export interface TokenRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly recorded: RecordedRequest;
}

/**
 * Acts out faults, and refuses what Entra refuses before it looks at the grant. Returns the request for the provider, or
 * `undefined` if the request is already answered.
 */
export async function admitTokenRequest(
  emulator: Emulator,
  { request, response, recorded }: TokenRequest,
): Promise<IncomingMessage | undefined> {
  const form = new URLSearchParams(await text(request));
  const grantType = form.get('grant_type') ?? '';
  recorded.grantType = grantType;
  const correlationId = correlationIdOf(request);
  const refuse = (refusal: EntraError): object => renderTokenError(refusal, emulator.now(), correlationId);

  const fault = takeFault(
    emulator.faults,
    'token',
    (each) => each.grantType === undefined || each.grantType === grantType,
  );
  const faultError = {
    ...entraErrors.transient,
    error: fault?.error ?? entraErrors.transient.error,
    message: fault?.errorDescription ?? entraErrors.transient.message,
  };
  if (await actOutEndpointFault(fault, response, () => refuse(faultError))) {
    return undefined;
  }
  const refusal =
    (await settleCredential(emulator, form)) ??
    findInterruption(emulator, form) ??
    findScopeRefusal(emulator, form);
  if (refusal !== undefined) {
    response.writeHead(refusal.status ?? 400, { 'content-type': 'application/json; charset=utf-8' });
    response.end(JSON.stringify(refuse(refusal)));
    return undefined;
  }
  return withBody(request, form.toString());
}

/** Creates the same request with another body, for the provider to read. */
function withBody(request: IncomingMessage, body: string): IncomingMessage {
  const copy = new IncomingMessage(request.socket);
  copy.method = request.method;
  copy.url = request.url;
  copy.httpVersion = request.httpVersion;
  copy.headers = { ...request.headers, 'content-length': String(Buffer.byteLength(body)) };
  copy.complete = true;
  copy.push(body);
  copy.push(null);
  return copy;
}

const refusalsByDetail: ReadonlyMap<string, EntraError> = new Map<string, EntraError>([
  ['authorization code is expired', entraErrors.codeExpired],
  ['authorization code already consumed', entraErrors.codeRedeemed],
  // The provider revokes a grant only when its code is used twice.
  ['grant not found', entraErrors.codeRedeemed],
  ['authorization code not found', entraErrors.codeMalformed],
  ['authorization code redirect_uri mismatch', entraErrors.codeRedirectUriWrong],
  ['code_verifier must be provided', entraErrors.codeVerifierWrong],
  ['code_verifier does not match code_challenge', entraErrors.codeVerifierWrong],
  ['refresh token not found', entraErrors.codeExpired],
  ['refresh token is expired', entraErrors.codeExpired],
]);

function translateRefusal(error: errors.OIDCProviderError): EntraError {
  const known = refusalsByDetail.get(error.error_detail ?? '');
  if (known !== undefined) {
    return known;
  }
  switch (error.error) {
    case 'invalid_client':
      return entraErrors.clientSecretWrong;
    case 'unsupported_grant_type':
      return entraErrors.grantTypeUnsupported;
    case 'invalid_grant':
      return entraErrors.codeMalformed;
    default:
      return entraErrors.requestMalformed(error.error_detail ?? error.error_description ?? error.error);
  }
}

const grantedSchema = z.looseObject({
  id_token: z.string().optional(),
  refresh_token: z.string().optional(),
  scope: z.string().optional(),
});

async function renderGranted(emulator: Emulator, context: KoaContextWithOIDC): Promise<object> {
  const granted = grantedSchema.parse(context.body);
  const lifetime = {
    token_type: 'Bearer',
    expires_in: accessTokenLifetimeSeconds,
    ext_expires_in: accessTokenLifetimeSeconds,
  };
  const directory = emulator.directory();
  const subject = context.oidc.account?.accountId;
  const person = subject === undefined ? undefined : findPersonBySubject(directory, subject);
  if (person === undefined) {
    return { ...lifetime, access_token: await signAccessToken(emulator, { kind: 'application' }) };
  }
  const scopes = granted.scope?.split(' ') ?? [];
  const clientInfo = JSON.stringify({ uid: person.id, utid: directory.tenantId });
  return {
    ...lifetime,
    scope: scopes.join(' '),
    access_token: await signAccessToken(emulator, { kind: 'delegated', personId: person.id, scopes }),
    ...(granted.refresh_token === undefined ? {} : { refresh_token: granted.refresh_token }),
    ...(granted.id_token === undefined ? {} : { id_token: await forgeIdToken(emulator, granted.id_token) }),
    client_info: Buffer.from(clientInfo).toString('base64url'),
  };
}

/** Adds Entra's error numbers, access tokens and extra fields to the provider's answers. */
export function dressTokenAnswers(emulator: Emulator, provider: Provider): void {
  const outcomes = new WeakMap<object, { context: KoaContextWithOIDC; error?: errors.OIDCProviderError }>();
  provider.on('grant.success', (context) => outcomes.set(context.req, { context }));
  provider.on('grant.error', (context, error) => outcomes.set(context.req, { context, error }));
  provider.on('authorization.success', (context, response) => {
    const code = response?.['code'];
    if (typeof code === 'string' && answersChallenge(context.oidc.params?.['claims'])) {
      challengedCodesOf(emulator).add(code);
    }
  });
  provider.use(async (context, next) => {
    await next();
    const outcome = context.path === routes.token ? outcomes.get(context.req) : undefined;
    if (outcome === undefined) {
      return;
    }
    if (outcome.error === undefined) {
      const granted = await renderGranted(emulator, outcome.context);
      context.body = withoutNulls({ ...granted, ...emulator.faults.current.tokenAnswer });
    } else {
      const refusal = translateRefusal(outcome.error);
      context.status = refusal.status ?? 400;
      context.body = renderTokenError(refusal, emulator.now(), correlationIdOf(context.req));
    }
  });
}
