/** The discovery document. */
import { graphBaseUrl, issuerOf } from './emulator.ts';
import type { Emulator } from './emulator.ts';
import { routes } from './provider.ts';

/** Renders the document in Entra's words. The browser's endpoint has the HTTP address, the others have HTTPS. */
export function renderDiscovery(emulator: Emulator): object {
  const { tenantId } = emulator.directory();
  const tenant = `${emulator.origin}/${tenantId}`;
  return {
    token_endpoint: `${tenant}${routes.token}`,
    token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt'],
    jwks_uri: `${tenant}${routes.jwks}`,
    response_modes_supported: ['query', 'fragment', 'form_post'],
    subject_types_supported: ['pairwise'],
    id_token_signing_alg_values_supported: ['RS256'],
    response_types_supported: ['code'],
    scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
    issuer: issuerOf(emulator),
    request_uri_parameter_supported: false,
    authorization_endpoint: `${emulator.browserOrigin}/${tenantId}${routes.authorization}`,
    claims_supported: 'sub iss aud exp iat nonce preferred_username name tid ver email'.split(' '),
    code_challenge_methods_supported: ['S256'],
    msgraph_host: new URL(graphBaseUrl(emulator)).host,
  };
}
