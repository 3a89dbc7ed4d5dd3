import {
  readClientCredential,
  readPublicUrl,
  readStorageAccess,
  type ClientCredential,
  type StorageAccess,
  readLitellm,
  type LitellmAccess,
  readMonitoring,
  type Monitoring,
} from './settingGroups.ts';
import { formatFault, sortFaults, type ConfigFault } from './configFault.ts';
import { createEntraEndpoints, type EntraEndpoints, readEndpointOrigins } from './endpoints.ts';
import { deepFreeze } from './freeze.ts';
import { settings } from './settings.ts';
import { SettingsReader, type Environment } from './settingsReader.ts';
import type { Rules } from '../model/rules.ts';
import { AppError } from '../model/errors.ts';

export type { ConfigFault } from './configFault.ts';
export { Secret } from '../model/secret.ts';

/** The validated settings. Frozen, complete, and the only thing that the rest of the code reads settings from. */
export interface Config {
  readonly entra: EntraEndpoints & {
    readonly tenantId: string;
    readonly clientId: string;
    readonly credential: ClientCredential;
    readonly servicePrincipalId?: string;
    /** `ENTRA_GROUPS_CLAIM=ApplicationGroup`: the `groups` claim holds exactly the assigned groups. */
    readonly groupsClaimIsApplicationGroup: boolean;
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
  readonly storage: StorageAccess;
  /** The LiteLLM proxy that is kept in sync. Absent if none is connected. */
  readonly litellm?: LitellmAccess;
  /** The destination of telemetry. Absent if telemetry is not exported. */
  readonly monitoring?: Monitoring;
}

/**
 * Parses the environment (`process.env`) into a deeply frozen configuration. `docs/settings.md` lists the settings. Values are
 * trimmed, and an empty value counts as not set.
 * Throws AppError `configuration_invalid` with all faults, ordered by setting. The message and `details.faults` have one line for
 * each fault, and `details.settings` has the names of the settings. Neither contains a secret.
 */
export function parseConfig(environment: Environment): Config {
  const { config, faults } = readConfig(environment);
  if (config !== undefined) return config;
  const lines = faults.map((fault) => formatFault(fault));
  const names = [...new Set(faults.map((fault) => fault.setting))];
  const count = names.length === 1 ? '1 setting is' : `${names.length} settings are`;
  throw new AppError('configuration_invalid', [`${count} not valid:`, ...lines].join('\n  '), {
    details: { settings: names, faults: lines },
  });
}

/** Returns every fault of the environment, ordered by setting. Returns an empty list if {@link parseConfig} would succeed. */
export function findConfigFaults(environment: Environment): readonly ConfigFault[] {
  return readConfig(environment).faults;
}

function readConfig(environment: Environment): {
  readonly config: Config | undefined;
  readonly faults: readonly ConfigFault[];
} {
  const reader = new SettingsReader(environment);
  const entra = readEntra(reader);
  const publicUrl = readPublicUrl(reader);
  const storage = readStorageAccess(reader);
  const assignedGroupsAccept = reader.find(settings.assignedGroupsAccept);
  const litellm = readLitellm(reader);
  const monitoring = readMonitoring(reader);
  const rest = {
    rules: readRules(reader),
    allowedEmailDomains: reader.find(settings.allowedEmailDomains) ?? [],
    removalLimitPercent: reader.findOrDefault(settings.removalLimitPercent),
    ...(assignedGroupsAccept === undefined ? {} : { assignedGroupsAccept }),
    ...(litellm === undefined ? {} : { litellm }),
    ...(monitoring === undefined ? {} : { monitoring }),
  };
  const faults = sortFaults(reader.faults);
  const isWhole = entra !== undefined && publicUrl !== undefined && storage !== undefined;
  if (faults.length > 0 || !isWhole) return { config: undefined, faults };
  const redirectUri = `${publicUrl}/sso/callback`;
  return { config: deepFreeze({ entra, publicUrl, redirectUri, storage, ...rest }), faults };
}

function readEntra(reader: SettingsReader): Config['entra'] | undefined {
  const tenantId = reader.require(settings.tenant);
  const clientId = reader.require(settings.clientId);
  const credential = readClientCredential(reader);
  const origins = readEndpointOrigins(reader);
  const servicePrincipalId = reader.find(settings.servicePrincipalId);
  const groupsClaim = reader.find(settings.groupsClaim);
  if (servicePrincipalId !== undefined && servicePrincipalId === clientId) {
    // The two ids are easily confused, and Graph would answer "not found" at every refresh.
    reader.refuse(settings.servicePrincipalId, 'the same GUID as MICROSOFT_CLIENT_ID');
  }
  if (tenantId === undefined || clientId === undefined || credential === undefined) return undefined;
  return {
    tenantId,
    clientId,
    credential,
    ...(servicePrincipalId === undefined ? {} : { servicePrincipalId }),
    groupsClaimIsApplicationGroup: groupsClaim === 'ApplicationGroup',
    ...createEntraEndpoints(tenantId, origins),
  };
}

function readRules(reader: SettingsReader): Rules {
  const proxyAdminId = reader.find(settings.proxyAdminId);
  return {
    groupsAlsoCreateOrgs: reader.findOrDefault(settings.groupsAlsoCreateOrgs),
    defaultTeamParams: reader.findOrDefault(settings.defaultTeamParams),
    defaultUserParams: reader.findOrDefault(settings.defaultUserParams),
    roleMappings: reader.findOrDefault(settings.roleMappings),
    ...(proxyAdminId === undefined ? {} : { proxyAdminId }),
    orgTeamBudget: reader.findOrDefault(settings.orgTeamBudget),
    membershipSyncMode: reader.findOrDefault(settings.membershipSyncMode),
    assignedGroupsAreKnown: reader.isSet(settings.servicePrincipalId),
  };
}
