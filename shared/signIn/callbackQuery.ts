/** The door for what the browser brings back from Microsoft: the query of the callback. Anyone can write it. */
import { AppError } from '../model/errors.ts';
import { signInError } from '../microsoft/signInError.ts';

/**
 * Throws `callback_malformed` if a parameter comes twice (RFC 6749, 3.1) or if `iss` is of another issuer (RFC 9207). Entra sends no
 * `iss`, so its absence says nothing.
 */
export function requireOneAnswer(query: URLSearchParams, issuer: string): void {
  const names = [...query.keys()];
  if (new Set(names).size !== names.length) throw malformed('repeated_parameter');
  const issuedBy = query.get('iss');
  if (issuedBy !== null && issuedBy !== issuer) throw malformed('foreign_issuer');
}

/** RFC 6749, A.11: visible ASCII. Entra's codes have about 1,500 characters. */
const CODE = /^[\x21-\x7e]{1,8192}$/;

/** Returns the sign-in code. Throws Microsoft's own refusal, which MSAL never sees, and `code_missing`. */
export function requireCode(query: URLSearchParams): string {
  const error = query.get('error');
  if (error !== null) {
    throw signInError({
      source: 'query',
      error,
      suberror: query.get('suberror') ?? query.get('error_subcode') ?? undefined,
      description: query.get('error_description') ?? undefined,
    });
  }
  const code = query.get('code') ?? '';
  if (!CODE.test(code)) throw new AppError('code_missing', 'The callback brings neither a code nor an error');
  return code;
}

function malformed(fault: string): AppError {
  return new AppError('callback_malformed', 'The callback is not one answer of our issuer', {
    details: { fault },
  });
}
