/** The claims of an id_token from which an email may come. */
export interface EmailClaims {
  /** The `email` claim. */
  readonly email?: string;
  /** The UPN. A guest's is no address: `bob_example.com#EXT#@tenant.onmicrosoft.com`. */
  readonly preferredUsername?: string;
}

/**
 * Gives the `email` claim, else the UPN unless it is a guest's, else `undefined` (docs/domain.md, "Entities"; `mail`
 * is no claim of the id_token, so a sign-in never sees it).
 */
export function findUserEmail(claims: EmailClaims): string | undefined {
  if (claims.email !== undefined && claims.email.includes('@')) return claims.email;
  const upn = claims.preferredUsername;
  if (upn === undefined || !upn.includes('@') || /#ext#/i.test(upn)) return undefined;
  return upn;
}

/**
 * Whether the email's domain is one of the allowed ones (lower-case; subdomains do not count). An empty list allows
 * everybody, also without an email; any other list refuses who has none.
 */
export function isEmailDomainAllowed(email: string | undefined, allowedDomains: readonly string[]): boolean {
  if (allowedDomains.length === 0) return true;
  if (email === undefined) return false;
  // Only A-Z is lowered: Unicode's rules turn the Kelvin sign into a "k", and another domain into an allowed one.
  const domain = email
    .slice(email.lastIndexOf('@') + 1)
    .replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
  return allowedDomains.includes(domain);
}
