/** The claims of an id_token from which an email may come. */
export interface EmailClaims {
  /** The `email` claim. */
  readonly email?: string;
  /** The UPN. A guest's UPN isn't an address: `bob_example.com#EXT#@tenant.onmicrosoft.com`. */
  readonly preferredUsername?: string;
}

/**
 * Returns the `email` claim, or the UPN unless the person is a guest, or `undefined` (docs/domain.md, "Entities").
 * `mail` isn't a claim of the id_token, so a sign-in never sees it.
 */
export function findUserEmail(claims: EmailClaims): string | undefined {
  if (claims.email !== undefined && claims.email.includes('@')) return claims.email;
  const upn = claims.preferredUsername;
  if (upn === undefined || !upn.includes('@') || /#ext#/i.test(upn)) return undefined;
  return upn;
}

/**
 * Whether the email's domain is one of the allowed ones (lower-case; subdomains don't count). An empty list allows
 * every person, also without an email. Any other list refuses a person without an email.
 */
export function isEmailDomainAllowed(email: string | undefined, allowedDomains: readonly string[]): boolean {
  if (allowedDomains.length === 0) return true;
  if (email === undefined) return false;
  // Lowers only A-Z: Unicode's rules turn the Kelvin sign into a "k", and another domain into an allowed one.
  const domain = email
    .slice(email.lastIndexOf('@') + 1)
    .replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
  return allowedDomains.includes(domain);
}
