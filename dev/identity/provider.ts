/** The OAuth half: a certified OpenID provider that looks like one Entra tenant. */
import { errors, interactionPolicy, Provider } from 'oidc-provider';
import type { Configuration, KoaContextWithOIDC, UnknownObject } from 'oidc-provider';

import { findPersonBySubject, isAssigned } from './directory.ts';
import { issuerOf, tenantPath } from './emulator.ts';
import type { Emulator } from './emulator.ts';
import { describeError, entraErrors } from './entraErrors.ts';
import { claimsByScope, idTokenClaims } from './idTokenClaims.ts';
import { renderRefusalPage } from './pages.ts';
import { exportSigningKey } from './signingKeys.ts';
import { createProviderStorage } from './providerStorage.ts';

const oidcScopes = ['openid', 'profile', 'email', 'offline_access'];
const graphScopes = [
  'User.Read',
  'User.Read.All',
  'GroupMember.Read.All',
  'Group.Read.All',
  'Directory.Read.All',
];
const hourSeconds = 3600;
const codeLifetimeSeconds = 600;

/** The loopback redirect URI in the application's registration. */
const loopbackRedirectUri = 'http://localhost/sso/callback';
const loopbackOnAnyPort = /^http:\/\/localhost(?::\d{1,5})?\/sso\/callback$/;

/** The provider's paths below the tenant. */
export const routes = {
  authorization: '/oauth2/v2.0/authorize',
  token: '/oauth2/v2.0/token',
  jwks: '/discovery/v2.0/keys',
};

function createPolicy(): interactionPolicy.Prompt[] {
  const policy = interactionPolicy.base();
  // Entra's own prompt. It shows the accounts even if a hint names one.
  policy.add(new interactionPolicy.Prompt({ name: 'select_account', requestable: true }), 0);
  return policy;
}

function refuseUnknownScopes(emulator: Emulator, context: KoaContextWithOIDC): void {
  const asked = new URL(context.href).searchParams.get('scope')?.split(' ').filter(Boolean) ?? [];
  const unknown = asked.find((scope) => ![...oidcScopes, ...graphScopes].includes(scope));
  if (unknown !== undefined && context.oidc.route === 'authorization') {
    const refusal = entraErrors.scopeUnknown(unknown);
    throw new errors.CustomOIDCProviderError(refusal.error, describeError(refusal, emulator.now()));
  }
}

function findAccount(
  emulator: Emulator,
  subject: string,
): Awaited<ReturnType<NonNullable<Configuration['findAccount']>>> {
  const directory = emulator.directory();
  const person = findPersonBySubject(directory, subject);
  return person === undefined
    ? undefined
    : {
        accountId: subject,
        claims: () =>
          idTokenClaims(person, { directory, faults: emulator.faults.current, now: emulator.now() }),
      };
}

/** Returns whether the token request asks for a refresh token. The provider drops the scope from a sign-in without consent. */
function asksForRefreshToken(body: UnknownObject | undefined): boolean {
  const scope = body?.['scope'];
  return typeof scope === 'string' && scope.split(' ').includes('offline_access');
}

/** Returns what a person has granted: on the page just now, or for a silent request everything that it asks for. */
async function loadGrant(
  emulator: Emulator,
  context: KoaContextWithOIDC,
): Promise<InstanceType<Provider['Grant']> | undefined> {
  const { oidc } = context;
  const grantId = oidc.result?.consent?.grantId;
  if (grantId !== undefined) {
    return oidc.provider.Grant.find(grantId);
  }
  const directory = emulator.directory();
  const accountId = oidc.account?.accountId;
  const person = accountId === undefined ? undefined : findPersonBySubject(directory, accountId);
  const mayPass = person?.enabled === true && person.consented && isAssigned(directory, person);
  if (!mayPass || accountId === undefined || !oidc.prompts.has('none')) {
    return undefined;
  }
  const grant = new oidc.provider.Grant({ accountId, clientId: directory.application.clientId });
  grant.addOIDCScope([...oidc.requestParamScopes].join(' '));
  await grant.save();
  return grant;
}

function lifetimes(emulator: Emulator): Configuration['ttl'] {
  return {
    AccessToken: hourSeconds,
    AuthorizationCode: () => emulator.faults.current.codeLifetimeSeconds ?? codeLifetimeSeconds,
    ClientCredentials: hourSeconds,
    Grant: 14 * 24 * hourSeconds,
    IdToken: hourSeconds,
    Interaction: hourSeconds,
    RefreshToken: 14 * 24 * hourSeconds,
    Session: 14 * 24 * hourSeconds,
  };
}

function configure(emulator: Emulator): Configuration {
  return {
    adapter: createProviderStorage(),
    claims: claimsByScope,
    clientBasedCORS: () => false,
    clients: [
      {
        client_id: emulator.directory().application.clientId,
        client_secret: emulator.clientSecret,
        grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
        response_types: ['code'],
        redirect_uris: [...emulator.redirectUris, loopbackRedirectUri],
        token_endpoint_auth_method: 'client_secret_post',
      },
    ],
    clientAuthMethods: ['client_secret_post'],
    conformIdTokenClaims: false,
    cookies: { keys: [emulator.cookieKey], names: { session: 'emulator_session' } },
    expiresWithSession: () => false,
    extraParams: {
      // The provider keeps this parameter, which may answer a claims challenge, with the sign-in.
      claims: (context) => {
        refuseUnknownScopes(emulator, context);
      },
    },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      userinfo: { enabled: false },
    },
    findAccount: (_context, subject) => findAccount(emulator, subject),
    interactions: {
      policy: createPolicy(),
      url: (_context, interaction) => `${tenantPath(emulator)}/interaction/${interaction.uid}`,
    },
    issueRefreshToken: (context) => asksForRefreshToken(context.oidc.body),
    jwks: { keys: [exportSigningKey(emulator.keys.privateKey, emulator.keys.keyId)] },
    loadExistingGrant: (context) => loadGrant(emulator, context),
    pkce: { required: () => true },
    renderError: (context, out) => {
      const refusal = out.error === 'invalid_redirect_uri' ? entraErrors.redirectUriUnknown : undefined;
      context.type = 'html';
      context.body = renderRefusalPage(
        refusal === undefined
          ? `${out.error}: ${out.error_description ?? ''}`
          : describeError(refusal, emulator.now()),
      );
    },
    responseTypes: ['code'],
    routes,
    scopes: [...oidcScopes, ...graphScopes],
    ttl: lifetimes(emulator),
  };
}

/**
 * Creates the provider for the tenant, with the application as its only client. As at Entra, a redirect URI must be
 * registered exactly. Only `http://localhost` may have any port (RFC 8252, 7.3).
 */
export function createProvider(emulator: Emulator): Provider {
  const provider = new Provider(issuerOf(emulator), configure(emulator));
  provider.Client.prototype.redirectUriAllowed = (uri: string) =>
    emulator.redirectUris.includes(uri) || loopbackOnAnyPort.test(uri);
  return provider;
}
