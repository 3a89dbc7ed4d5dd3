/** The state that all parts of the emulator share. */
import type { FaultSwitches } from '../emulator/faults.ts';
import type { RequestRecord } from '../emulator/requestRecord.ts';
import type { Directory } from './directory.ts';
import type { Faults } from './faults.ts';
import type { RecordedRequest } from './recordedRequest.ts';
import type { SigningKeys } from './signingKeys.ts';

export interface Emulator {
  /** `https://localhost:<port>`: Entra and Graph, as the application calls them. */
  readonly origin: string;
  /** `http://localhost:<port>`: the pages for a browser, and the control API. */
  readonly browserOrigin: string;
  readonly clientSecret: string;
  readonly cookieKey: string;
  readonly keys: SigningKeys;
  /** Accepted exactly, beside the default rule. */
  readonly redirectUris: readonly string[];
  readonly faults: FaultSwitches<Faults>;
  readonly record: RequestRecord<RecordedRequest>;
  /** The secret header with which a managed identity asks for its tokens. */
  readonly managedIdentityHeader: string;
  /** The tenant as it is now. */
  readonly directory: () => Directory;
  readonly changeDirectory: (directory: Directory) => void;
  /** Microsoft's clock: the true time plus the skew that is switched on. */
  readonly now: () => Date;
}

/** Returns `/<tenant>`. */
export const tenantPath = (emulator: Emulator): string => `/${emulator.directory().tenantId}`;

/** Returns the exact `iss` of an id_token. */
export const issuerOf = (emulator: Emulator): string => `${emulator.origin}${tenantPath(emulator)}/v2.0`;

/** Returns the base of Graph's URLs, `https://localhost:<port>/graph/v1.0`. */
export const graphBaseUrl = (emulator: Emulator): string => `${emulator.origin}/graph/v1.0`;
