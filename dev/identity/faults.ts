/** The switches that make the emulator fail the way Entra and Graph can. */
import type { ServerResponse } from 'node:http';
import { z } from 'zod';

import { actOutFault, callFaultSchema } from '../emulator/faults.ts';
import type { FaultSwitches } from '../emulator/faults.ts';

const endpointFaultSchema = callFaultSchema.extend({
  retryAfterSeconds: z.number().min(0).optional(),
  /** Breaks the connection instead of answering. */
  hangUp: z.boolean().optional(),
});

export const faultsSchema = z.strictObject({
  token: endpointFaultSchema
    .extend({
      error: z.string().optional(),
      errorDescription: z.string().optional(),
      /** Acts on this grant only: `authorization_code` (a person) or `client_credentials` (the application). */
      grantType: z.string().optional(),
    })
    .optional(),
  graph: endpointFaultSchema
    .extend({
      pathIncludes: z.string().optional(),
      /** Acts on this page of a list only. The first page is 1. */
      page: z.number().int().min(1).optional(),
    })
    .optional(),
  jwks: endpointFaultSchema.optional(),
  discovery: endpointFaultSchema.optional(),
  authorize: endpointFaultSchema.optional(),
  /**
   * Consent is missing, and users may not give it. `true` sends the person back with `access_denied` (AADSTS65001).
   * `at: 'token'` lets only the redemption of the code fail (`invalid_grant`), with or without `consent_required`.
   */
  consentMissing: z
    .union([
      z.boolean(),
      z.strictObject({
        at: z.enum(['authorize', 'token']),
        error: z.string().optional(),
        suberror: z.boolean().default(true),
      }),
    ])
    .optional(),
  /** Shows the consent page at every sign-in. */
  askConsent: z.boolean().optional(),
  /** Keeps people who aren't assigned on Entra's own page, instead of sending them back with AADSTS50105. */
  notAssignedPage: z.boolean().optional(),
  /** The application lacks its Graph permissions: app-only calls get 403. */
  graphPermissionMissing: z.boolean().optional(),
  /** People (id or login) whose token says "too many groups" however few they have. `true` means everybody. */
  overageFor: z.union([z.literal(true), z.array(z.string())]).optional(),
  dropGroupsClaim: z.boolean().optional(),
  /** `true` signs with another key under the published key id. `unknownKid` also uses an unpublished key id. */
  wrongKey: z.union([z.boolean(), z.literal('unknownKid')]).optional(),
  /**
   * Signs with another key under another key id. `rotated` publishes it, as after a change of keys. `application` lists it only for a
   * request with `?appid=` of the application, as for an application with its own signing key.
   */
  signingKey: z.enum(['rotated', 'application']).optional(),
  algNone: z.boolean().optional(),
  /** Signs with HS256 and the published public key as the secret, a well-known attack on verifiers. */
  algHs256: z.boolean().optional(),
  /** Merged into the id_token. `null` removes a claim. */
  claimsOverride: z.record(z.string(), z.unknown()).optional(),
  /** Merged into an answer of the token endpoint that grants tokens. `null` removes a field. */
  tokenAnswer: z.record(z.string(), z.unknown()).optional(),
  /** Sends the person back with this refusal of the authorize endpoint instead of a code. */
  authorizeRefusal: z.strictObject({ error: z.string(), number: z.number().int().optional() }).optional(),
  /** Added to the query with which the person is sent back, such as `iss=https://evil.example`. */
  callbackQuery: z.string().optional(),
  /** How far Microsoft's clock is ahead: in tokens and in every `Date` header. */
  clockSkewSeconds: z.number().int().optional(),
  /** The token endpoint answers AADSTS50076 until a sign-in carries the challenge in its `claims` parameter. */
  conditionalAccess: z.union([z.boolean(), z.strictObject({ claims: z.string() })]).optional(),
  /** Codes live this long instead of ten minutes. */
  codeLifetimeSeconds: z.number().int().min(1).optional(),
  /** `@odata.nextLink` points to this origin. */
  nextLinkOrigin: z.string().optional(),
});

export type Faults = z.output<typeof faultsSchema>;
export type FaultsInput = z.input<typeof faultsSchema>;
type EndpointName = 'token' | 'graph' | 'jwks' | 'discovery' | 'authorize';

/** Returns the endpoint's fault if it acts on a request for which `matches` returns true, and counts that request. */
export function takeFault<Name extends EndpointName>(
  faults: FaultSwitches<Faults>,
  name: Name,
  matches: (fault: NonNullable<Faults[Name]>) => boolean = () => true,
): NonNullable<Faults[Name]> | undefined {
  const fault = faults.current[name];
  if (fault === undefined || fault === null || !matches(fault)) {
    return undefined;
  }
  return faults.acts(fault) ? fault : undefined;
}

/**
 * Acts out a fault of an endpoint, if there is one. `renderError` returns the JSON of an error in the endpoint's own
 * shape. Returns whether the request is now answered.
 */
export async function actOutEndpointFault(
  fault: z.output<typeof endpointFaultSchema> | undefined,
  response: ServerResponse,
  renderError: (status: number) => object,
): Promise<boolean> {
  if (fault === undefined) {
    return false;
  }
  const { retryAfterSeconds, ...rest } = fault;
  const retryAfter = fault.retryAfter ?? retryAfterSeconds?.toString();
  return actOutFault({ ...rest, retryAfter }, response, { textType: 'application/json', renderError });
}
