/** The switches that make the emulator fail the way Entra and Graph can. */
import type { ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';

const endpointFaultSchema = z.strictObject({
  /** Answer with this status. Left out (and no `body`, no `hangUp`): only slow. */
  status: z.number().int().min(200).max(599).optional(),
  retryAfterSeconds: z.number().min(0).optional(),
  /** A `Retry-After` of any text. */
  retryAfter: z.string().optional(),
  /** For so many requests; left out: until cleared. */
  times: z.number().int().min(1).optional(),
  delayMs: z.number().int().min(0).optional(),
  /** Break the connection instead of answering. */
  hangUp: z.boolean().optional(),
  /** Answer with this text, whatever it is, instead of an error of the right shape. */
  body: z.string().optional(),
});

export const faultsSchema = z.strictObject({
  token: endpointFaultSchema
    .extend({
      error: z.string().optional(),
      errorDescription: z.string().optional(),
      /** Only this grant: `authorization_code` (a person signs in) or `client_credentials` (the application). */
      grantType: z.string().optional(),
    })
    .optional(),
  graph: endpointFaultSchema
    .extend({
      pathIncludes: z.string().optional(),
      /** Only this page of a list; the first is 1. */
      page: z.number().int().min(1).optional(),
    })
    .optional(),
  jwks: endpointFaultSchema.optional(),
  discovery: endpointFaultSchema.optional(),
  authorize: endpointFaultSchema.optional(),
  /**
   * Nobody has consented and nobody may. `true`: the person comes back with `access_denied` (AADSTS65001).
   * `token`: only the redemption of the code fails (`invalid_grant`), with or without `suberror: consent_required`.
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
  /** Everybody sees the consent page. */
  askConsent: z.boolean().optional(),
  /** Who is not assigned stays on Entra's own page instead of coming back with AADSTS50105. */
  notAssignedPage: z.boolean().optional(),
  /** The application lacks its Graph permissions: 403 for app-only calls. */
  graphPermissionMissing: z.boolean().optional(),
  /** People (id or login), or everybody (`true`), whose token says "too many groups" however few they have. */
  overageFor: z.union([z.literal(true), z.array(z.string())]).optional(),
  dropGroupsClaim: z.boolean().optional(),
  /** `true`: the published key id, but another key. `unknownKid`: a key id that is not published either. */
  wrongKey: z.union([z.boolean(), z.literal('unknownKid')]).optional(),
  algNone: z.boolean().optional(),
  /** HS256 with the published public key as the secret: the classic confusion of algorithms. */
  algHs256: z.boolean().optional(),
  /** Merged into the id_token; `null` takes a claim out. */
  claimsOverride: z.record(z.string(), z.unknown()).optional(),
  /** Microsoft's clock against the true one: tokens and every `Date` header. */
  clockSkewSeconds: z.number().int().optional(),
  /** The token endpoint wants more (AADSTS50076) until a sign-in answers the challenge with its `claims` parameter. */
  conditionalAccess: z.union([z.boolean(), z.strictObject({ claims: z.string() })]).optional(),
  /** Codes live this long instead of ten minutes. */
  codeLifetimeSeconds: z.number().int().min(1).optional(),
  /** `@odata.nextLink` points to this origin. */
  nextLinkOrigin: z.string().optional(),
});

export type Faults = z.output<typeof faultsSchema>;
export type FaultsInput = z.input<typeof faultsSchema>;
export type EndpointFault = z.output<typeof endpointFaultSchema>;
type EndpointName = 'token' | 'graph' | 'jwks' | 'discovery' | 'authorize';

/** The switches in force, and how often each limited one has still to act. */
export class FaultSwitches {
  #current: Faults = {};
  #remaining = new Map<EndpointName, number>();

  get current(): Faults {
    return this.#current;
  }

  /** Replaces all switches; what is left out is off. Counting starts anew. */
  replace(faults: Faults): void {
    this.#current = faults;
    this.#remaining = new Map();
  }

  /** Gives the endpoint's fault if it is to act on a request for which `matches`, and counts it. */
  take<Name extends EndpointName>(
    name: Name,
    matches: (fault: NonNullable<Faults[Name]>) => boolean = () => true,
  ): NonNullable<Faults[Name]> | undefined {
    const fault = this.#current[name];
    if (fault === undefined || fault === null || !matches(fault)) {
      return undefined;
    }
    const remaining = this.#remaining.get(name) ?? fault.times ?? Infinity;
    if (remaining <= 0) {
      return undefined;
    }
    this.#remaining.set(name, remaining - 1);
    return fault;
  }
}

/**
 * Acts out a fault: waits, hangs up, or answers with its status and its body (else with `renderError`'s, as JSON).
 * Gives whether the request is thereby answered.
 */
export async function actOutFault(
  fault: EndpointFault | undefined,
  response: ServerResponse,
  renderError: (status: number) => object,
): Promise<boolean> {
  if (fault === undefined) {
    return false;
  }
  if (fault.delayMs !== undefined) {
    await delay(fault.delayMs);
  }
  if (fault.hangUp === true) {
    response.destroy();
    return true;
  }
  if (fault.status === undefined && fault.body === undefined) {
    return false;
  }
  const status = fault.status ?? 200;
  const retryAfter = fault.retryAfter ?? fault.retryAfterSeconds;
  if (retryAfter !== undefined) {
    response.setHeader('retry-after', String(retryAfter));
  }
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' });
  response.end(fault.body ?? JSON.stringify(renderError(status)));
  return true;
}
