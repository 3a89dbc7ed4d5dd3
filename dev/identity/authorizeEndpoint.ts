/** The authorize endpoint around the provider: what Entra takes that the provider does not, and Entra's way of answering. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { errors, Provider } from 'oidc-provider';

import type { Emulator } from './emulator.ts';
import { describeError, entraErrors, errorUri } from './entraErrors.ts';
import type { EntraError } from './entraErrors.ts';
import { routes } from './provider.ts';

const graphPrefix = 'https://graph.microsoft.com/';
const sessionCookie = /(?:^|;\s*)emulator_session(?:\.sig)?=[^;]*/g;

/**
 * Prepares a request for the provider, in place. Scopes lose Graph's address, with which Entra takes them too. And nobody
 * stays signed in, so that another person is one press away and two tabs never mix; only `prompt=none` finds who was
 * there last, as at Entra.
 */
export function prepareAuthorizeRequest(request: IncomingMessage): void {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const scope = url.searchParams.get('scope');
  if (scope?.includes(graphPrefix) === true) {
    url.searchParams.set('scope', scope.replaceAll(graphPrefix, ''));
    request.url = `${url.pathname}${url.search}`;
  }
  if (url.searchParams.get('prompt') !== 'none' && request.headers.cookie !== undefined) {
    request.headers.cookie = request.headers.cookie.replaceAll(sessionCookie, '').replace(/^;\s*/, '');
  }
}

function translateRefusal(error: errors.OIDCProviderError): EntraError {
  const description = error.error_description ?? error.error;
  if (error.error === 'login_required') {
    return entraErrors.loginRequired;
  }
  return /code_challenge|PKCE/.test(description)
    ? entraErrors.codeChallengeMissing
    : { ...entraErrors.requestMalformed(description), error: error.error };
}

/** Makes the way back to the application Entra's: its error texts, its extra fields, none of the provider's own. */
export function dressAuthorizeAnswers(emulator: Emulator, provider: Provider): void {
  const refusals = new WeakMap<object, errors.OIDCProviderError>();
  provider.on('authorization.error', (context, error) => refusals.set(context.req, error));
  provider.use(async (context, next) => {
    await next();
    const header: unknown = context.response.headers['location'];
    const location = typeof header === 'string' ? header : '';
    // The provider's answers to the application, and no other redirect, carry `iss`. Entra's do not.
    if (!context.path.startsWith(routes.authorization) || !location.includes('iss=')) {
      return;
    }
    const url = new URL(location);
    url.searchParams.delete('iss');
    const refusal = refusals.get(context.req);
    if (refusal === undefined) {
      url.searchParams.set('session_state', randomUUID());
    } else {
      if (refusal.error_description?.startsWith('AADSTS') !== true) {
        const translated = translateRefusal(refusal);
        url.searchParams.set('error', translated.error);
        url.searchParams.set('error_description', describeError(translated, emulator.now()));
      }
      const code = /^AADSTS(\d+)/.exec(url.searchParams.get('error_description') ?? '')?.[1];
      url.searchParams.set('error_uri', errorUri(Number(code)));
      if (Number(code) === entraErrors.consentDeclined.code) {
        url.searchParams.set('error_subcode', 'cancel');
      }
    }
    context.redirect(url.href);
  });
}
