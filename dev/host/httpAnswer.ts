import type { ServerResponse } from 'node:http';
import type { HttpOutput, InvocationResponse, OutputData, OutputCookie } from './programmingModel.ts';

/** The server sets these itself. */
const hopByHop = new Set(['connection', 'content-length', 'keep-alive', 'transfer-encoding', 'upgrade']);

/** Answers with an empty body, as the host does if a function does not answer. */
export function sendEmpty(response: ServerResponse, status: number): void {
  response.writeHead(status, { 'content-length': '0' });
  response.end();
}

/**
 * Sends what a function returned: its status, headers, cookies (each in its own `Set-Cookie`) and body, or 204 if it
 * returned nothing. Throws, before it sends anything, if a header or the status is not valid HTTP.
 */
export function sendAnswer(response: ServerResponse, answer: InvocationResponse): void {
  const output = answer.returnValue?.http;
  if (output === undefined) {
    sendEmpty(response, 204);
    return;
  }
  const status = Number(output.statusCode);
  const body = Buffer.from(bytesOf(output.body ?? {}));
  const hasBody = status !== 204 && status !== 304;
  response.writeHead(status, headersOf(output, hasBody ? body.byteLength : undefined));
  response.end(hasBody && response.req.method !== 'HEAD' ? body : undefined);
}

function headersOf(output: HttpOutput, contentLength: number | undefined): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {};
  const cookies = output.cookies.map(renderSetCookie);
  for (const [name, value] of Object.entries(output.headers)) {
    const key = name.toLowerCase();
    if (key === 'set-cookie') {
      cookies.unshift(value);
    } else if (!hopByHop.has(key)) {
      headers[key] = value;
    }
  }
  if (cookies.length > 0) {
    headers['set-cookie'] = cookies;
  }
  if (contentLength !== undefined) {
    headers['content-length'] = String(contentLength);
  }
  return headers;
}

function bytesOf(data: Omit<OutputData, 'http'>): Uint8Array {
  return data.bytes ?? Buffer.from(data.string ?? data.json ?? '');
}

const sameSiteNames = { none: undefined, lax: 'lax', strict: 'strict', explicitNone: 'none' } as const;

/**
 * Renders one cookie as a `Set-Cookie` value as ASP.NET does: with percent-encoded name and value, a default path `/`,
 * and attribute names in lower case.
 */
function renderSetCookie(cookie: OutputCookie): string {
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
