import type { Fetch } from '../model/ports.ts';
import type { Tracing } from './tracing.ts';
import { serverAttributes } from './serverAttributes.ts';

/** The server that a request goes to, as traces name it. */
export type Dependency = 'entra' | 'graph' | 'managed_identity' | 'litellm';

/** Path segments that this product uses. Another segment may be an id, or a name in one of Graph's links. */
const KNOWN_SEGMENTS: ReadonlySet<string> = new Set(
  [
    'oauth2 v2.0 token discovery keys graph v1.0 me memberOf servicePrincipals appRoleAssignedTo metadata identity msi',
    'organization team user v2 info list new update member_add member_update member_delete health readiness details',
  ]
    .join(' ')
    .split(' '),
);

/** Returns a path without its unknown segments, and without the query. */
export function pathTemplate(url: URL): string {
  const segments = url.pathname.split('/');
  return segments
    .map((segment) => (segment === '' || KNOWN_SEGMENTS.has(segment) ? segment : '{id}'))
    .join('/');
}

/**
 * Wraps a `fetch`, so that each request is a span, including the answer's body if `fetch` reads it. The span has the
 * method, the host and the path's template. It has no queries, headers or bodies, because those hold tokens, codes
 * and secrets. The trace isn't passed on: Microsoft wouldn't use it, and LiteLLM would mix it with its own.
 */
export function traceFetch(tracing: Tracing, dependency: Dependency, fetch: Fetch): Fetch {
  return async (url, init) => {
    const parsed = new URL(url);
    const method = init.method ?? 'GET';
    const template = pathTemplate(parsed);
    const attributes = {
      'app.dependency': dependency,
      'http.request.method': method,
      'url.scheme': parsed.protocol.slice(0, -1),
      'url.template': template,
      ...serverAttributes(parsed),
    };
    return tracing.run({ name: `${method} ${template}`, kind: 'client', attributes }, async (span) => {
      try {
        const response = await fetch(url, init);
        span.set({ 'http.response.status_code': response.status });
        if (response.status >= 400) span.fail(String(response.status));
        if (response.status === 429 && dependency === 'graph') tracing.add('graph.throttled', 1);
        return response;
      } catch (error) {
        // Only the class: the message may quote the address.
        span.fail(error instanceof Error ? error.name : 'unexpected');
        throw error;
      }
    });
  };
}
