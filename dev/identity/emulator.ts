/** What every part of the emulator shares. */
import type { Directory } from './directory.ts';
import type { FaultSwitches } from './faults.ts';
import type { RequestRecord } from './requestRecord.ts';
import type { SigningKeys } from './signingKeys.ts';

export interface Emulator {
  /** `https://localhost:<port>`: Entra and Graph, as the application calls them. */
  readonly origin: string;
  /** `http://localhost:<port>`: what a browser sees, and the control interface. */
  readonly browserOrigin: string;
  readonly clientSecret: string;
  readonly cookieKey: string;
  readonly keys: SigningKeys;
  /** Accepted as they stand, beside the default rule. */
  readonly redirectUris: readonly string[];
  readonly faults: FaultSwitches;
  readonly record: RequestRecord;
  /** What managed identities prove themselves with at this machine. */
  readonly managedIdentityHeader: string;
  /** The tenant as it is now. */
  readonly directory: () => Directory;
  readonly changeDirectory: (directory: Directory) => void;
  /** Microsoft's clock: the true one and its skew. */
  readonly now: () => Date;
}

/** `/<tenant>` */
export const tenantPath = (emulator: Emulator): string => `/${emulator.directory().tenantId}`;

/** The exact `iss` of an id_token. */
export const issuerOf = (emulator: Emulator): string => `${emulator.origin}${tenantPath(emulator)}/v2.0`;

/** The base of Graph's URLs: `https://localhost:<port>/graph/v1.0`. */
export const graphBaseUrl = (emulator: Emulator): string => `${emulator.origin}/graph/v1.0`;
