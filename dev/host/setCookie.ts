import type { OutputCookie } from './programmingModel.ts';

const sameSiteNames = { none: undefined, lax: 'lax', strict: 'strict', explicitNone: 'none' } as const;

/**
 * Renders one cookie as a `Set-Cookie` value as ASP.NET does: with percent-encoded name and value, a default path `/`,
 * and attribute names in lower case.
 */
export function renderSetCookie(cookie: OutputCookie): string {
  const sameSite = sameSiteNames[cookie.sameSite];
  const parts = [`${escapeData(cookie.name)}=${escapeData(cookie.value)}`];
  if (cookie.expires) {
    parts.push(`expires=${new Date(cookie.expires.value.seconds * 1000).toUTCString()}`);
  }
  if (cookie.maxAge) {
    parts.push(`max-age=${Math.trunc(cookie.maxAge.value)}`);
  }
  if (cookie.domain) {
    parts.push(`domain=${cookie.domain.value}`);
  }
  parts.push(`path=${cookie.path?.value ?? '/'}`);
  if (cookie.secure?.value === true) {
    parts.push('secure');
  }
  if (sameSite !== undefined) {
    parts.push(`samesite=${sameSite}`);
  }
  if (cookie.httpOnly?.value === true) {
    parts.push('httponly');
  }
  return parts.join('; ');
}

/** Escapes a text as .NET does, which leaves only letters, digits and `-_.~` unchanged. */
function escapeData(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
