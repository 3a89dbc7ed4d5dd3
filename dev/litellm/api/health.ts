/** What shows whether the proxy works, and which version it is. */
import { ApiError, noRoute } from './apiError.ts';
import type { Call, Endpoint } from './call.ts';

/** Needs no key. Newer versions no longer include their version. */
export const readiness: Endpoint = (call) => {
  requireDatabase(call);
  const { behaviours, version, settings } = call;
  const state = { status: behaviours.readinessStatus, db: 'connected' };
  if (!behaviours.readinessHasVersion) return state;
  const license = { has_license: settings.licence === true, expiration_date: null };
  return { ...state, cache: null, litellm_version: version, license };
};

export const readinessDetails: Endpoint = (call) => {
  if (!call.behaviours.hasReadinessDetails) throw noRoute();
  requireDatabase(call);
  return { status: 'healthy', db: 'connected', cache: null, litellm_version: call.version };
};

function requireDatabase({ faults }: Call): void {
  if (faults.current.databaseDown === true) {
    throw new ApiError(503, { detail: 'Service Unhealthy (database not connected)' });
  }
}

/** Creates the public document of the API. Of its content, only the version is emulated. */
export const openApi: Endpoint = ({ version }) => ({
  openapi: '3.1.0',
  info: { title: 'LiteLLM API', version },
  paths: {},
});
