/** What says that the proxy is there, and which version it is. */
import { ApiError, noRoute } from './apiError.ts';
import type { Endpoint } from './call.ts';

/** Public. The newer versions no longer say which version it is. */
export const readiness: Endpoint = ({ faults, behaviours }) => {
  if (faults.current.databaseDown === true) {
    throw new ApiError(503, { detail: 'Service Unhealthy (database not connected)' });
  }
  const state = { status: 'healthy', db: 'connected' };
  return behaviours.readinessHasVersion
    ? { ...state, cache: null, litellm_version: behaviours.version, success_callbacks: [] }
    : state;
};

/** For keys alone. */
export const readinessDetails: Endpoint = ({ behaviours }) => {
  if (!behaviours.hasReadinessDetails) throw noRoute();
  return {
    status: 'healthy',
    db: 'connected',
    cache: null,
    litellm_version: behaviours.version,
    success_callbacks: [],
  };
};

/** Public, in all versions. */
export const modelHubInfo: Endpoint = ({ behaviours }) => ({
  docs_title: 'LiteLLM Proxy',
  custom_docs_description: null,
  litellm_version: behaviours.version,
  useful_links: {},
});
