/**
 * The only place that builds adapters. Everything is built at first use and kept, so importing an entry file does no work
 * and never throws, whatever the settings are.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleepMs } from 'node:timers/promises';
import { createAssignedGroupsStore } from './adapters/assignedGroupsStore.ts';
import { createAppTokens } from './adapters/entra/appTokens.ts';
import { createEntityStore } from './adapters/entityStore.ts';
import { createEntraIdentity } from './adapters/entraIdentity.ts';
import { createFailureStore } from './adapters/failureStore.ts';
import { createGraphDirectory } from './adapters/graphDirectory.ts';
import { createKeyRing } from './adapters/keyRing.ts';
import { createAssertion, createManagedIdentity } from './adapters/managedIdentity.ts';
import { createOrganizationMembershipStore, createTeamMembershipStore } from './adapters/membershipStore.ts';
import { createMemberIndexes } from './adapters/memberIndex.ts';
import { createOrganizationGuards } from './adapters/organizationGuards.ts';
import { createParkedSnapshots } from './adapters/parkedSnapshots.ts';
import { createStorageQueue } from './adapters/storageQueue.ts';
import { createAzureTables } from './adapters/tables/azureTables.ts';
import type { Tables } from './adapters/tables/tables.ts';
import { createUserStore } from './adapters/userStore.ts';
import type { Config } from './config.ts';
import { findConfigFaults, parseConfig } from './config.ts';
import { formatFault } from './config/configFault.ts';
import type { HealthDetail } from './flows/checkHealth.ts';
import { checkHealth, checkStorage } from './flows/checkHealth.ts';
import type { CompleteLoginDeps } from './flows/completeLogin.ts';
import type { GroupKnowledge } from './flows/groupKnowledge.ts';
import { createGroupKnowledge } from './flows/groupKnowledge.ts';
import type { FailureDeps } from './flows/recordFailure.ts';
import type { ProvisionDeps } from './flows/provisionUser.ts';
import type { RefreshDeps } from './flows/refreshAssignedGroups.ts';
import { refreshAssignedGroups } from './flows/refreshAssignedGroups.ts';
import { PROVISION_POISON_QUEUE, PROVISION_QUEUE } from './messages.ts';
import type { Clock, Directory, ProvisionQueue, Random } from './ports.ts';
import type { SealContext } from './session.ts';
import type { Store } from './storePorts.ts';

/** What the functions hand to the flows. */
export interface App {
  readonly config: Config;
  readonly clock: Clock;
  readonly store: Store;
  readonly seal: SealContext;
  readonly login: CompleteLoginDeps;
  readonly provision: ProvisionDeps;
  readonly refresh: RefreshDeps;
  readonly knowledge: GroupKnowledge;
  readonly failure: FailureDeps;
  /** Whether the store answers; asked at most once in {@link HEALTH_MAX_AGE_MS}. */
  readonly isHealthy: () => Promise<boolean>;
  /** The whole state, as seldom. */
  readonly readHealth: () => Promise<HealthDetail>;
  readonly queue: ProvisionQueue;
}

const clock: Clock = { now: () => new Date() };
const random: Random = { bytes: (count) => randomBytes(count), uuid: () => randomUUID() };

type Credential = ReturnType<typeof createManagedIdentity>;

function createCredential(clientId: string | undefined): Credential {
  return createManagedIdentity({ clock, fetch, ...(clientId === undefined ? {} : { clientId }) });
}

function createTables(storage: Config['storage'], credential: Credential | undefined): Tables {
  if (storage.kind === 'managedIdentity' && credential !== undefined) {
    const { tableServiceUri } = storage;
    return createAzureTables({ connection: { kind: 'managedIdentity', tableServiceUri, credential } });
  }
  const connectionString = storage.kind === 'connectionString' ? storage.connectionString.reveal() : '';
  return createAzureTables({ connection: { kind: 'connectionString', connectionString } });
}

function createStore(tables: Tables): Store {
  return {
    users: createUserStore(tables),
    teamMemberships: createTeamMembershipStore(tables),
    organizationMemberships: createOrganizationMembershipStore(tables),
    organizationGuards: createOrganizationGuards(tables),
    memberIndexes: createMemberIndexes(tables),
    entities: createEntityStore(tables),
    assignedGroups: createAssignedGroupsStore(tables),
    failures: createFailureStore(tables),
  };
}

interface EntraSide {
  readonly directory: Directory;
  readonly identity: CompleteLoginDeps['identity'];
}

function createEntraSide(config: Config): EntraSide {
  const { credential: kind } = config.entra;
  const assertion =
    kind.kind === 'federated' ? createAssertion(createCredential(kind.managedIdentityClientId)) : undefined;
  const msal = {
    entra: config.entra,
    fetch,
    timeoutMs: 10_000,
    ...(assertion === undefined ? {} : { assertion }),
  };
  const appTokens = createAppTokens({ ...msal, clock });
  const { servicePrincipalId } = config.entra;
  return {
    identity: createEntraIdentity({ ...msal, redirectUri: config.redirectUri, clock }),
    directory: createGraphDirectory({
      graphBaseUrl: config.entra.graphBaseUrl,
      fetch,
      clock,
      sleep: async (durationMs) => sleepMs(durationMs),
      appToken: async (options) => (await appTokens(options)).token,
      ...(servicePrincipalId === undefined ? {} : { servicePrincipalId }),
    }),
  };
}

function createRefresh(config: Config, store: Store, directory: Directory): RefreshDeps {
  return {
    store,
    directory,
    clock,
    rules: config.rules,
    brake: { removalLimitPercent: config.removalLimitPercent, acceptVersion: config.assignedGroupsAccept },
  };
}

/** How long an answer about health stands, so that probes cost nothing. */
export const HEALTH_MAX_AGE_MS = 30_000;

/** Gives `read` with its answer kept for `maxAgeMs`; callers at once share one read. */
function rememberFor<T>(maxAgeMs: number, read: () => Promise<T>): () => Promise<T> {
  let answer: { readonly value: Promise<T>; readonly askedAtMs: number } | undefined;
  return async () => {
    const nowMs = clock.now().getTime();
    if (answer === undefined || nowMs - answer.askedAtMs >= maxAgeMs)
      answer = { value: read(), askedAtMs: nowMs };
    return answer.value;
  };
}

/** Builds everything for one configuration. Connects to nothing. */
export function createApp(config: Config): App {
  const { storage, rules } = config;
  const credential = storage.kind === 'managedIdentity' ? createCredential(storage.clientId) : undefined;
  const tables = createTables(storage, credential);
  const store = createStore(tables);
  const parked = createParkedSnapshots(tables);
  const queueOptions = { storage, ...(credential === undefined ? {} : { credential }) };
  const queue = createStorageQueue({ ...queueOptions, queueName: PROVISION_QUEUE });
  const poisonQueue = createStorageQueue({ ...queueOptions, queueName: PROVISION_POISON_QUEUE });
  const { directory, identity } = createEntraSide(config);
  const refresh = createRefresh(config, store, directory);
  const knowledge = createGroupKnowledge({
    store: store.assignedGroups,
    clock,
    refresh: async () => (await refreshAssignedGroups(refresh)).list,
  });
  const health = { store, directory, clock, assignedGroupsAreKnown: rules.assignedGroupsAreKnown };
  const seal: SealContext = {
    keyRing: createKeyRing({ tables, clock, random }),
    clock,
    tenantId: config.entra.tenantId,
    clientId: config.entra.clientId,
    publicUrl: config.publicUrl,
  };
  return {
    config,
    clock,
    store,
    seal,
    login: {
      identity,
      seal,
      random,
      directory,
      queue,
      snapshots: parked,
      groupsClaimIsApplicationGroup: config.entra.groupsClaimIsApplicationGroup,
      allowedEmailDomains: config.allowedEmailDomains,
    },
    provision: { store, parked, queue, knowledge, clock, random, rules },
    refresh,
    knowledge,
    failure: { store, poisonQueue, clock },
    isHealthy: rememberFor(HEALTH_MAX_AGE_MS, async () => checkStorage(health)),
    readHealth: rememberFor(HEALTH_MAX_AGE_MS, async () => checkHealth(health)),
    queue,
  };
}

let config: Config | undefined;
let app: App | undefined;
let faults: readonly string[] | undefined;

/** Gives this process's settings, read once. Throws `configuration_invalid` with every fault. */
export function requireConfig(): Config {
  config ??= parseConfig(process.env);
  return config;
}

/** Gives the application of this process, built at the first call and kept. Throws as {@link requireConfig}. */
export function requireApp(): App {
  app ??= createApp(requireConfig());
  return app;
}

/**
 * Gives the faults of this process's settings, as lines; empty where {@link requireApp} gives an application. Settings do
 * not change while a process lives, so they are judged once. Never throws.
 */
export function readConfigFaults(): readonly string[] {
  faults ??= findConfigFaults(process.env).map((fault) => formatFault(fault));
  return faults;
}
