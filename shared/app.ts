/**
 * The only place that builds adapters. Everything is built at first use and kept, so importing an entry file does no work
 * and never throws, whatever the settings are.
 */
import { createStore, type Store } from './storage/store.ts';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleepMs } from 'node:timers/promises';
import { createAppTokens } from './microsoft/appTokens.ts';
import { createEntraIdentity } from './microsoft/entraIdentity.ts';
import { createGraphDirectory } from './microsoft/graphDirectory.ts';
import { KeyRing } from './storage/keyRing.ts';
import { createAssertion, createManagedIdentity } from './microsoft/managedIdentity.ts';
import { ParkedSnapshots } from './storage/parkedSnapshots.ts';
import { createStorageQueue } from './queue/storageQueue.ts';
import { createAzureTables } from './storage/tables/azureTables.ts';
import type { Tables } from './model/tables.ts';
import { readBudgetShares } from './litellm/readBudgetShares.ts';
import { createLitellmSide, type LitellmSide } from './app/createLitellmSide.ts';
import { outgoingFetch } from './platform/outgoingFetch.ts';
import { startTelemetry } from './telemetry/startTelemetry.ts';
import { traceAdapters, type TracedAdapters } from './telemetry/traceAdapters.ts';
import { type Config, findConfigFaults, parseConfig } from './config/config.ts';
import { formatFault } from './config/configFault.ts';
import { AppError } from './model/errors.ts';
import { timeOrderedUuid } from './platform/timeOrderedUuid.ts';
import { createProvisionQueue, type ProvisionResult } from './provisioning/provisionUser.ts';
import type { MembershipChanges, ProvisionDeps } from './provisioning/provisionRun.ts';
import { type HealthDeps, type HealthDetail, checkHealth, checkStorage } from './health/checkHealth.ts';
import { createSuccessRecorder, type HeartbeatDeps } from './health/heartbeat.ts';
import { HeartbeatStore } from './storage/heartbeatStore.ts';
import type { SuccessRecorder } from './model/heartbeat.ts';
import { provideSuccessRecorder, registeredFunctions } from './triggers/registeredFunctions.ts';
import type { CompleteLoginDeps } from './signIn/completeLogin.ts';
import { type GroupKnowledge, createGroupKnowledge } from './groups/groupKnowledge.ts';
import type { AccessDeps } from './home/readMyAccess.ts';
import { type RefreshDeps, refreshAssignedGroups } from './groups/refreshAssignedGroups.ts';
import {
  PROVISION_POISON_QUEUE,
  PROVISION_QUEUE,
  SYNC_POISON_QUEUE,
  SYNC_QUEUE,
  type ProvisionMessage,
} from './queue/queueMessage.ts';
import { createMessageSeal, type MessageSeal, signMessages } from './queue/messageSeal.ts';
import type { RedrivableQueues } from './queue/redriveRequest.ts';
import type { WorkerQueue } from './queue/queueWorker.ts';
import type { Clock, Directory, Fetch, MessageQueue, Random } from './model/ports.ts';
import type { SealContext } from './session/session.ts';
import { errorFields, writeEvent } from './telemetry/events.ts';
import { provideTracing } from './telemetry/traceInvocation.ts';
import { NO_TRACING, type Tracing, tracing } from './telemetry/tracing.ts';

/** Everything that the functions need: the configuration, the stores, and the dependencies of each flow. */
export interface App {
  readonly config: Config;
  readonly clock: Clock;
  readonly store: Store;
  readonly seal: SealContext;
  readonly login: CompleteLoginDeps;
  readonly provision: ProvisionDeps;
  readonly provisionQueue: WorkerQueue<ProvisionMessage, ProvisionResult>;
  readonly refresh: RefreshDeps;
  readonly knowledge: GroupKnowledge;
  readonly access: AccessDeps;
  /** Absent if no LiteLLM proxy is connected. */
  readonly litellm?: LitellmSide;
  readonly heartbeat: HeartbeatDeps;
  readonly successes: SuccessRecorder;
  /** Returns whether the store answers. Asks it at most once in {@link HEALTH_MAX_AGE_MS}. */
  readonly isHealthy: () => Promise<boolean>;
  /** Returns the detailed state of health. Determines it at most once in {@link HEALTH_MAX_AGE_MS}. */
  readonly readHealth: () => Promise<HealthDetail>;
}

const clock: Clock = { now: () => new Date() };
const random: Random = {
  bytes: (count) => randomBytes(count),
  uuid: () => timeOrderedUuid(clock.now().getTime(), randomBytes(10)),
};

type Credential = ReturnType<typeof createManagedIdentity>;

function createCredential(clientId: string | undefined, through: Fetch): Credential {
  return createManagedIdentity({
    clock,
    fetch: through,
    ...(clientId === undefined ? {} : { clientId }),
  });
}

function createTables(storage: Config['storage'], credential: Credential | undefined): Tables {
  if (storage.kind === 'managedIdentity' && credential !== undefined) {
    const { tableServiceUri } = storage;
    return createAzureTables({ connection: { kind: 'managedIdentity', tableServiceUri, credential } });
  }
  const connectionString = storage.kind === 'connectionString' ? storage.connectionString.reveal() : '';
  return createAzureTables({ connection: { kind: 'connectionString', connectionString } });
}

interface EntraSide {
  readonly directory: Directory;
  readonly identity: CompleteLoginDeps['identity'];
}

function createEntraSide(config: Config, traced: TracedAdapters): EntraSide {
  const { credential: kind } = config.entra;
  const assertion =
    kind.kind === 'federated'
      ? createAssertion(createCredential(kind.managedIdentityClientId, traced.fetch('managed_identity')))
      : undefined;
  const msal = {
    entra: config.entra,
    fetch: traced.fetch('entra'),
    timeoutMs: 10_000,
    ...(assertion === undefined ? {} : { assertion }),
  };
  const appTokens = createAppTokens({ ...msal, clock });
  const { servicePrincipalId } = config.entra;
  return {
    identity: createEntraIdentity({ ...msal, redirectUri: config.redirectUri, clock }),
    directory: createGraphDirectory({
      graphBaseUrl: config.entra.graphBaseUrl,
      fetch: traced.fetch('graph'),
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

/** How long an answer about health is reused, so that frequent probes cost nothing. */
const HEALTH_MAX_AGE_MS = 30_000;

/** Returns a function that calls `read` and reuses its answer for `maxAgeMs`. Concurrent callers share one read. */
function rememberFor<T>(maxAgeMs: number, read: () => Promise<T>): () => Promise<T> {
  let answer: { readonly value: Promise<T>; readonly askedAtMs: number } | undefined;
  return async () => {
    const nowMs = clock.now().getTime();
    if (answer === undefined || nowMs - answer.askedAtMs >= maxAgeMs)
      answer = { value: read(), askedAtMs: nowMs };
    return answer.value;
  };
}

interface StorageSide {
  readonly tables: Tables;
  readonly keyRing: KeyRing;
  createQueues(this: void, queueName: string, poisonQueueName: string): Queues;
  /** Creates a queue that signs and traces nothing, to look at its messages. */
  createQueue(this: void, queueName: string): Pick<MessageQueue, 'peek'>;
}

/** A queue whose messages are signed, and its poison queue. */
interface Queues {
  readonly queue: MessageQueue;
  readonly seal: MessageSeal;
  /** It gets back what was in it, and signs nothing. */
  readonly poisonQueue: MessageQueue;
}

function createStorageSide({ storage, entra }: Config, traced: TracedAdapters): StorageSide {
  const credential =
    storage.kind === 'managedIdentity'
      ? createCredential(storage.clientId, traced.fetch('managed_identity'))
      : undefined;
  const tables = traced.tables(createTables(storage, credential));
  const keyRing = new KeyRing({ tables, clock, random });
  const createQueue = (queueName: string): MessageQueue =>
    createStorageQueue({ storage, queueName, ...(credential === undefined ? {} : { credential }) });
  return {
    tables,
    keyRing,
    createQueues(queueName, poisonQueueName) {
      const seal = createMessageSeal({ keyRing, ...entra }, queueName);
      // Signed inside of the span, because tracing puts the span's trace context into the message.
      const queue = traced.queue(queueName, signMessages(createQueue(queueName), seal));
      return { queue, seal, poisonQueue: traced.queue(poisonQueueName, createQueue(poisonQueueName)) };
    },
    createQueue,
  };
}

function createLitellm(
  config: Config,
  storage: StorageSide,
  parts: { readonly store: Store; readonly traced: TracedAdapters; readonly observedBy: Tracing },
): LitellmSide | undefined {
  const { litellm } = config;
  if (litellm === undefined) return undefined;
  return createLitellmSide({
    ...parts,
    litellm,
    tables: storage.tables,
    queues: storage.createQueues(SYNC_QUEUE, SYNC_POISON_QUEUE),
    clock,
    random,
  });
}

/** Returns the dependencies of the home page, and LiteLLM's side if a proxy is connected. */
function accessBeside(store: Store, litellm: LitellmSide | undefined): Pick<App, 'access' | 'litellm'> {
  if (litellm === undefined) return { access: { store } };
  return {
    access: {
      store,
      syncRecord: litellm.sync.record,
      findProxyReport: async () => litellm.proxy.findReport(),
    },
    litellm,
  };
}

function countChanges(observedBy: Tracing, { granted, removed }: MembershipChanges): void {
  if (granted > 0) observedBy.add('provision.memberships.granted', granted);
  if (removed > 0) observedBy.add('provision.memberships.removed', removed);
}

function createSeal({ entra, publicUrl }: Config, keyRing: KeyRing): SealContext {
  return { keyRing, clock, tenantId: entra.tenantId, clientId: entra.clientId, publicUrl };
}

/** Returns the dependencies of the heartbeat. A client for a queue is created at the first look, and kept. */
function createHeartbeat({ tables, createQueue }: StorageSide): Pick<App, 'heartbeat' | 'successes'> {
  const store = new HeartbeatStore(tables);
  const queues = new Map<string, Pick<MessageQueue, 'peek'>>();
  const findQueue = (queueName: string): Pick<MessageQueue, 'peek'> => {
    const queue = queues.get(queueName) ?? createQueue(queueName);
    queues.set(queueName, queue);
    return queue;
  };
  return { heartbeat: { store, clock, findQueue }, successes: createSuccessRecorder({ store, clock }) };
}

function createHealth(
  { rules, assignedGroupsAccept: acceptVersion }: Config,
  parts: {
    readonly store: Store;
    readonly queue: MessageQueue;
    readonly directory: Directory;
    readonly litellm: LitellmSide | undefined;
    readonly heartbeats: HealthDeps['heartbeats'];
  },
): Pick<App, 'isHealthy' | 'readHealth'> {
  const { litellm, ...rest } = parts;
  const connected =
    litellm === undefined
      ? {}
      : {
          litellm: { check: async () => litellm.proxy.check() },
          restingKeys: litellm.sync.record.due,
          readBudgetShares: async () =>
            readBudgetShares({ store: parts.store, sharedBudget: litellm.sync.sharedBudget }),
        };
  const health = { ...rest, ...connected, clock, rules, acceptVersion, registered: registeredFunctions };
  return {
    isHealthy: rememberFor(HEALTH_MAX_AGE_MS, async () => checkStorage(health)),
    readHealth: rememberFor(HEALTH_MAX_AGE_MS, async () => checkHealth(health)),
  };
}

/** Returns the ids of the accepted list. Returns none if the list can't be read: then the sign-in asks Graph. */
async function readAcceptedGroupIds(knowledge: GroupKnowledge): Promise<ReadonlySet<string>> {
  try {
    return new Set((await knowledge.current())?.groups.map((group) => group.id));
  } catch (error) {
    if (error instanceof AppError) return new Set();
    throw error;
  }
}

/** Creates the application for one configuration. Connects to nothing. */
export function createApp(config: Config, observedBy: Tracing = NO_TRACING): App {
  const { rules } = config;
  const traced = traceAdapters(observedBy, config.storage);
  const storageSide = createStorageSide(config, traced);
  const { tables } = storageSide;
  const queues = storageSide.createQueues(PROVISION_QUEUE, PROVISION_POISON_QUEUE);
  const { queue } = queues;
  const store = createStore(tables);
  const litellm = createLitellm(config, storageSide, { store, traced, observedBy });
  const sync = litellm === undefined ? {} : { sync: litellm.requests };
  const parked = new ParkedSnapshots(tables);
  const { directory, identity } = createEntraSide(config, traced);
  const refresh = { ...createRefresh(config, store, directory), ...sync };
  const knowledge = createGroupKnowledge({
    store: store.assignedGroups,
    clock,
    refresh: async () => (await refreshAssignedGroups(refresh)).list,
  });
  const seal = createSeal(config, storageSide.keyRing);
  const heartbeat = createHeartbeat(storageSide);
  const provision: ProvisionDeps = {
    store,
    parked,
    knowledge,
    clock,
    random,
    rules,
    onApplied: (changes) => countChanges(observedBy, changes),
    ...sync,
  };
  return {
    config,
    clock,
    store,
    seal,
    login: {
      identity,
      seal,
      users: store.users,
      random,
      directory,
      queue,
      snapshots: parked,
      issuer: config.entra.issuer,
      groupsClaimIsApplicationGroup: config.entra.groupsClaimIsApplicationGroup,
      readAcceptedGroupIds: async () => readAcceptedGroupIds(knowledge),
      allowedEmailDomains: config.allowedEmailDomains,
    },
    provision,
    provisionQueue: createProvisionQueue({ provision, ...queues, failures: store.failures }),
    refresh,
    knowledge,
    ...accessBeside(store, litellm),
    ...heartbeat,
    ...createHealth(config, { store, queue, directory, litellm, heartbeats: heartbeat.heartbeat.store }),
  };
}

let config: Config | undefined;
let app: App | undefined;
let faults: readonly string[] | undefined;

/** Returns this process's settings, which are read once. Throws `configuration_invalid` with every fault. */
export function requireConfig(): Config {
  config ??= parseConfig(process.env);
  return config;
}

/** Returns the application of this process. Creates it at the first call and keeps it. Throws as {@link requireConfig} does. */
export function requireApp(): App {
  app ??= buildApp(requireConfig(), tracing());
  return app;
}

/** Returns the parts that communicate with LiteLLM. Throws `configuration_invalid` if no proxy is connected. */
export function requireLitellmSide(): LitellmSide {
  const { litellm } = requireApp();
  if (litellm === undefined) throw new AppError('configuration_invalid', 'No LiteLLM proxy is connected.');
  return litellm;
}

/** Returns the queues whose failed messages can be put back. Throws as {@link requireConfig} does. */
export function requireRedrivableQueues(): RedrivableQueues {
  const { provisionQueue, litellm } = requireApp();
  return { provision: provisionQueue, ...(litellm === undefined ? {} : { sync: litellm.queue }) };
}

/**
 * Creates the application, without tracing if tracing makes that fail. Tracing must not prevent it, because a queue message is
 * lost if it meets no application.
 */
export function buildApp(valid: Config, observedBy: Tracing): App {
  try {
    return createApp(valid, observedBy);
  } catch {
    return createApp(valid);
  }
}

provideSuccessRecorder(() => requireApp().successes);

// With invalid settings nothing is exported. The host's own log shows the faults.
provideTracing((log) =>
  startTelemetry({
    monitoring: readConfigFaults().length === 0 ? requireConfig().monitoring : undefined,
    siteName: process.env['WEBSITE_SITE_NAME'],
    // Without tracing, because each request that sends spans would create new spans.
    createCredential: (clientId) => createCredential(clientId, outgoingFetch),
    onFault: (error) => writeEvent(log, { name: 'telemetry.fault', level: 'error' }, errorFields(error)),
  }),
);

/**
 * Returns the faults of this process's settings, one line each. Returns an empty list if {@link requireApp} succeeds. Settings
 * cannot change while a process runs, so they are checked once. Never throws.
 */
export function readConfigFaults(): readonly string[] {
  faults ??= findFaults(process.env);
  return faults;
}

/** Returns whether this process's settings are valid, so that {@link requireApp} returns an application. Never throws. */
export function isConfigured(): boolean {
  return readConfigFaults().length === 0;
}

/** Returns whether the settings are valid and connect a LiteLLM proxy. Never throws. */
export function isLitellmConnected(): boolean {
  return isConfigured() && requireConfig().litellm !== undefined;
}

/**
 * Returns the faults of settings, one line each. If all settings are valid, it creates an application once to find out whether
 * that works. This takes milliseconds and connects to nothing. It shows the text of this product's errors, but only the class of
 * other errors, because their texts may quote a secret. Never throws.
 */
export function findFaults(
  environment: NodeJS.ProcessEnv,
  build: (valid: Config) => unknown = createApp,
): readonly string[] {
  const found = findConfigFaults(environment).map((fault) => formatFault(fault));
  if (found.length > 0) return found;
  try {
    build(parseConfig(environment));
    return [];
  } catch (error) {
    const why =
      error instanceof AppError ? error.message : error instanceof Error ? error.name : typeof error;
    return [`The settings are valid one by one, but nothing can be built with them: ${why}`];
  }
}
