import type { Fetch } from '../model/ports.ts';

/** Names this product in the logs of the servers that it asks. */
const USER_AGENT = 'litellm-entra-provisioning';
/** The statuses that `fetch` would follow. */
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/**
 * Sends one request with Node's own `fetch`. Nothing with a body is ever sent twice: an authorization code must not be redeemed twice.
 * It never follows a redirect: with `redirect: 'manual'` it returns the redirect as an answer, otherwise it rejects.
 *
 * It reads the whole body before it returns the answer, so `signal` bounds both. A connection that can't be made fails after 10 to 12
 * seconds, so a caller's time-out is longer than that wherever it has to know that nothing was sent. Rejects with the signal's reason,
 * else with a TypeError whose `cause` has nothing but a `code`: Node's own errors quote headers and answers, and the secrets in them.
 */
export const outgoingFetch: Fetch = async (url, init) => {
  try {
    const answer = await fetch(url, createInit(init));
    const text = await answer.text();
    if (init.redirect !== 'manual' && REDIRECTS.has(answer.status)) throw codedError('REDIRECTED');
    // A status of 204 or 304 may have no body at all, not even an empty one.
    return new Response(text === '' ? null : text, { status: answer.status, headers: answer.headers });
  } catch (error) {
    init.signal?.throwIfAborted();
    throw withoutSecrets(error);
  }
};

function createInit(init: RequestInit): RequestInit {
  const headers = new Headers(init.headers);
  headers.set('user-agent', USER_AGENT);
  const { body } = init;
  if (typeof body !== 'string') return { ...init, headers, redirect: 'manual' };
  // `fetch` sends a text again after an answer of 421 (Misdirected Request). It cannot do that with a stream.
  headers.set('content-length', String(Buffer.byteLength(body)));
  return { ...init, body: new Blob([body]).stream(), duplex: 'half', headers, redirect: 'manual' };
}

function codedError(code: string): Error {
  return Object.assign(new Error(code), { code });
}

function withoutSecrets(error: unknown): TypeError {
  const code = codeOf(error) ?? (error instanceof Error ? codeOf(error.cause) : undefined);
  return new TypeError('No usable answer', { cause: codedError(code ?? 'UNKNOWN') });
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
