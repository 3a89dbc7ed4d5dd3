import type { Rules } from './domain/rules.ts';

/** A value that must not reach a log: only `reveal()` gives it. */
export class Secret {
  readonly #value: string;
  constructor(value: string) {
    this.#value = value;
  }
  reveal(): string {
    return this.#value;
  }
  toJSON(): string {
    return '[secret]';
  }
  toString(): string {
    return '[secret]';
  }
}

/** The validated settings. Frozen, complete, and the only thing that the rest of the code reads settings from. */
export interface Config {
  readonly entra: {
    readonly tenantId: string;
    readonly clientId: string;
    readonly credential:
      | { readonly kind: 'secret'; readonly secret: Secret }
      | { readonly kind: 'federated'; readonly managedIdentityClientId: string };
    readonly servicePrincipalId?: string;
    /** `ENTRA_GROUPS_CLAIM=ApplicationGroup`: the `groups` claim holds exactly the assigned groups. */
    readonly groupsClaimIsApplicationGroup: boolean;
    /** `https://login.microsoftonline.com/<tenant>`, without a slash at the end. */
    readonly authority: string;
    /** The exact `iss` of an id_token. */
    readonly issuer: string;
    readonly jwksUri: string;
    readonly authorizationEndpoint: string;
    readonly tokenEndpoint: string;
    /** `https://graph.microsoft.com/v1.0`, without a slash at the end. */
    readonly graphBaseUrl: string;
    /** The endpoints are a local emulator's (development only). */
    readonly endpointsAreOverridden: boolean;
  };
  /** The site's origin, without a slash at the end: `https://app.example.com`. */
  readonly publicUrl: string;
  /** `<publicUrl>/sso/callback` */
  readonly redirectUri: string;
  readonly rules: Rules;
  /** Lower-case domains; empty allows all. */
  readonly allowedEmailDomains: readonly string[];
  readonly removalLimitPercent: number;
  /** `ASSIGNED_GROUPS_ACCEPT`: the version of a list that the brake held back and an operator accepts. */
  readonly assignedGroupsAccept?: string;
  readonly storage:
    | { readonly kind: 'connectionString'; readonly connectionString: Secret }
    | {
        readonly kind: 'managedIdentity';
        readonly queueServiceUri: string;
        readonly tableServiceUri: string;
        readonly clientId?: string;
      };
}
