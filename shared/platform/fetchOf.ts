import { createKeepAliveFetch } from './keepAliveFetch.ts';
import type { Fetch } from '../model/ports.ts';

/** Whom the requests go to, as a person would say it. */
export type Dependency = 'entra' | 'graph' | 'managed_identity' | 'litellm';

/**
 * Azure forgets an outbound connection after 4 minutes without traffic, and Microsoft's web servers (http.sys, Kestrel) close one
 * after 2 unless they are told otherwise. Less than both, and enough for people who sign in half a minute apart.
 */
const MICROSOFT_IDLE_MS = 60_000;
/**
 * Uvicorn, LiteLLM's server, closes a connection after 5 idle seconds and does not announce it. A write that meets such an end is
 * one whose outcome is unknown, and holds up the pushes behind it.
 */
const LITELLM_IDLE_MS = 4_000;

let microsoft: Fetch | undefined;
let litellm: Fetch | undefined;

/** Gives the way to a dependency: one set of kept connections for all of Microsoft's and one for LiteLLM's, in the whole process. */
export function fetchOf(dependency: Dependency): Fetch {
  if (dependency === 'litellm') return (litellm ??= createKeepAliveFetch({ idleMs: LITELLM_IDLE_MS }));
  return (microsoft ??= createKeepAliveFetch({ idleMs: MICROSOFT_IDLE_MS }));
}
