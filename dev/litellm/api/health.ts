/** `/health/readiness`, which shows whether the proxy works. */
import { ApiError } from './apiError.ts';
import type { Endpoint } from './call.ts';

/** Needs no key. Newer versions no longer include their version. */
export const readiness: Endpoint = ({ faults, behaviours }) => {
  if (faults.current.databaseDown === true) {
    throw new ApiError(503, { detail: 'Service Unhealthy (database not connected)' });
  }
  const state = { status: 'healthy', db: 'connected' };
  return behaviours.readinessHasVersion
    ? { ...state, cache: null, litellm_version: behaviours.version, success_callbacks: [] }
    : state;
};
