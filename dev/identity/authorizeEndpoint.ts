/** The authorize endpoint: accepts what Entra accepts and the provider does not, and answers in Entra's way. */
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
 * Prepares a request for the provider, in place. Removes Graph's address from scopes, which Entra accepts too. Removes
 * the session too, so that every sign-in asks for the account and two tabs never mix. Only `prompt=none` keeps the
 * session, and finds the last person as Entra does.
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

/** Changes what the person is sent back with, where a switch asks for it. */
function forgeCallback(emulator: Emulator, url: URL): void {
  const { authorizeRefusal, callbackQuery } = emulator.faults.current;
  if (authorizeRefusal !== undefined) {
    const { error, number } = authorizeRefusal;
    url.searchParams.delete('code');
    url.searchParams.set('error', error);
    const refusal = number === undefined ? undefined : { code: number, error, message: 'Refused.' };
    url.searchParams.set(
      'error_description',
      refusal === undefined ? 'Refused.' : describeError(refusal, emulator.now()),
    );
  }
  for (const [name, value] of new URLSearchParams(callbackQuery)) {
    url.searchParams.append(name, value);
  }
}

/** Adds Entra's error texts and fields to the redirects back to the application, and removes the provider's own. */
export function dressAuthorizeAnswers(emulator: Emulator, provider: Provider): void {
  const refusals = new WeakMap<object, errors.OIDCProviderError>();
  provider.on('authorization.error', (context, error) => refusals.set(context.req, error));
  provider.use(async (context, next) => {
    await next();
    const header: unknown = context.response.headers['location'];
    const location = typeof header === 'string' ? header : '';
    // Of all redirects, only the provider's answers to the application have `iss`. Entra's answers do not have it.
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
    forgeCallback(emulator, url);
    context.redirect(url.href);
  });
}
