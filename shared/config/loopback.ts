const loopbackHosts = new Set(['localhost', '127.0.0.1', '[::1]']);

/** Tells whether a URL stays on this machine. Exactly three names count; `localhost.example.com` does not. */
export function isLoopback(url: URL): boolean {
  return loopbackHosts.has(url.hostname);
}

/** Gives the URL, or undefined where the text is none, or carries a user, a password, a query or a fragment. */
export function findPlainUrl(text: string): URL | undefined {
  const url = URL.parse(text);
  if (url === null || /[?#@\\]/.test(text) || /\s/.test(text)) return undefined;
  return url.protocol === 'http:' || url.protocol === 'https:' ? url : undefined;
}

/** Gives the URL as {@link findPlainUrl}, or undefined where it has a path. */
export function findOrigin(text: string): URL | undefined {
  const url = findPlainUrl(text);
  return url?.pathname === '/' ? url : undefined;
}
