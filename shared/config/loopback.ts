const loopbackHosts = new Set(['localhost', '127.0.0.1', '[::1]']);

/** Checks whether a URL is on this machine. Only three exact names count; `localhost.example.com` does not. */
export function isLoopback(url: URL): boolean {
  return loopbackHosts.has(url.hostname);
}

/** Returns the http or https URL. Returns undefined for other text or a URL with a user, password, query or fragment. */
export function findPlainUrl(text: string): URL | undefined {
  const url = URL.parse(text);
  if (url === null || /[?#@\\]/.test(text) || /\s/.test(text)) return undefined;
  return url.protocol === 'http:' || url.protocol === 'https:' ? url : undefined;
}

/** Returns the URL as {@link findPlainUrl} does, or undefined if it has a path. */
export function findOrigin(text: string): URL | undefined {
  const url = findPlainUrl(text);
  return url?.pathname === '/' ? url : undefined;
}
