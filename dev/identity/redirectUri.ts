/** Which redirect URIs the application has. */

const loopbackPath = '/sso/callback';
const anyPort = /^http:\/\/localhost(?::\d{1,5})?\/sso\/callback$/;

/** What stands for the loopback rule in the application's registration. */
export const loopbackRedirectUri = `http://localhost${loopbackPath}`;

/**
 * Whether Entra would send a code there: exactly a registered URI, or `http://localhost/sso/callback` on any port.
 * The port alone is lax, and it is at Entra too, for `http://localhost` (RFC 8252, 7.3): scheme, host, path, query
 * and capitals must be the same.
 */
export function isRedirectUriAllowed(registered: readonly string[], uri: string): boolean {
  return registered.includes(uri) || anyPort.test(uri);
}
