/** Which address a person has, and whether its domain may sign in. Pure. */

/** The claims of an id_token from which an email may come. */
export interface EmailClaims {
  /** The `email` claim. */
  readonly email?: string;
  /** The UPN. A guest's UPN isn't an address: `bob_example.com#EXT#@tenant.onmicrosoft.com`. */
  readonly preferredUsername?: string;
}

/**
 * One `@`, something before and after it, and nothing that could make a reader see two addresses, or another one: no spaces,
 * controls, bidi overrides, `,`, `;`, `<`, `>` or `"`.
 */
const ADDRESS =
  /^[^@\s\p{Cc}\u202a-\u202e\u2066-\u2069,;<>"]+@[^@\s\p{Cc}\u202a-\u202e\u2066-\u2069,;<>"]+$/u;
const MAX_ADDRESS_LENGTH = 320;

/** Marks a guest's UPN, in which the guest's own address is written another way. */
const GUEST = /#ext#/i;

/**
 * Returns the `email` claim, else the UPN, else `undefined` (docs/domain.md, "Entities"). What is no address, or is a guest's UPN,
 * counts as absent in both claims. Blanks at the ends are removed.
 * `mail` isn't a claim of the id_token, so a sign-in never sees it.
 */
export function findUserEmail(claims: EmailClaims): string | undefined {
  return readAddress(claims.email) ?? readAddress(claims.preferredUsername);
}

/**
 * Whether the person's address is in one of the allowed domains (lower-case; subdomains don't count). An empty list allows every
 * person, also without an address. Any other list refuses a person without one.
 *
 * Where the `email` claim has a text, that text decides: if it is no address, the UPN doesn't make up for it.
 */
export function isEmailDomainAllowed(claims: EmailClaims, allowedDomains: readonly string[]): boolean {
  if (allowedDomains.length === 0) return true;
  const isAbsent = claims.email === undefined || claims.email.trim() === '';
  const address = readAddress(isAbsent ? claims.preferredUsername : claims.email);
  if (address === undefined) return false;
  // Lowers only A-Z: Unicode's rules turn the Kelvin sign into a "k", and another domain into an allowed one.
  const domain = address
    .slice(address.indexOf('@') + 1)
    .replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
  return allowedDomains.includes(domain);
}

function readAddress(claim: string | undefined): string | undefined {
  const address = claim?.trim() ?? '';
  return address.length <= MAX_ADDRESS_LENGTH && ADDRESS.test(address) && !GUEST.test(address)
    ? address
    : undefined;
}
