/** The product in the simulation: instances with the real flows and adapters. Only Microsoft is simulated. */
import { KeyRing } from '../../../shared/storage/keyRing.ts';
import { ParkedSnapshots } from '../../../shared/storage/parkedSnapshots.ts';
import { createStorageQueue } from '../../../shared/queue/storageQueue.ts';
import { createAzureTables } from '../../../shared/storage/tables/azureTables.ts';
import type { Tables } from '../../../shared/model/tables.ts';
import { createStore } from '../../../shared/storage/store.ts';
import { Secret } from '../../../shared/config/config.ts';
import type { AssignedGroup } from '../../../shared/model/assignedGroups.ts';
import { timeOrderedUuid } from '../../../shared/platform/timeOrderedUuid.ts';
import { completeLogin, type CompleteLoginDeps } from '../../../shared/signIn/completeLogin.ts';
import { createGroupKnowledge } from '../../../shared/groups/groupKnowledge.ts';
import type { ProvisionDeps } from '../../../shared/provisioning/provisionRun.ts';
import { readMyAccess } from '../../../shared/home/readMyAccess.ts';
import { readProvisioning } from '../../../shared/home/readProvisioning.ts';
import type { ReconcileDeps } from '../../../shared/provisioning/repairMemberIndexes.ts';
import { refreshAssignedGroups, type RefreshDeps } from '../../../shared/groups/refreshAssignedGroups.ts';
import { startLogin } from '../../../shared/signIn/startLogin.ts';
import { PROVISION_QUEUE } from '../../../shared/queue/queueMessage.ts';
import type { Clock, Directory, Identity, MessageQueue, Random } from '../../../shared/model/ports.ts';
import { type RequestCookies, requireSession } from '../../../shared/session/session.ts';
import { createSealContext, TENANT_ID } from '../../support/signInDoubles.ts';
import { sampleRules } from '../../support/world.ts';
import type { Chance, Employee } from './company.ts';
import { createRequestLedger, type Purpose, type RequestLedger } from './requestLedger.ts';
import { spreadTables } from './spreadTables.ts';

/** Organizations are on and limits are set, which costs more than the other way. */
const RULES = sampleRules();

/** The simulated time of all flows and adapters in the simulation. */
export interface SimulatedClock extends Clock {
  moveTo(this: void, atMs: number): void;
}

/** An instance of the function app with its own caches. */
export interface Instance {
  readonly login: CompleteLoginDeps;
  readonly provision: ProvisionDeps;
  readonly page: { readonly store: ProvisionDeps['store'] };
}

export interface Office {
  readonly instances: readonly Instance[];
  readonly clock: SimulatedClock;
  readonly ledger: RequestLedger;
  /** The token requests and the enqueued messages since the start. */
  readonly outside: { token: number; queuePuts: number };
  readonly refresh: RefreshDeps;
  readonly reconcile: ReconcileDeps;
  /** The tables without counting, for measuring the content of the store. */
  readonly tables: Tables;
}

export interface OfficeOptions {
  readonly connectionString: string;
  readonly groups: readonly AssignedGroup[];
  readonly chance: Chance;
  readonly startMs: number;
  readonly instances: number;
  /** One in this number of sign-ins reads its pages, and its requests are multiplied to count for all. */
  readonly pageEvery: number;
}

interface Surroundings extends Pick<Office, 'tables' | 'ledger' | 'clock'> {
  readonly identity: Identity;
  readonly directory: Directory;
  readonly queue: MessageQueue;
  readonly random: Random;
  readonly pageEvery: number;
}

/** Creates the product on an emulator whose tables and queue exist. Connects to nothing yet. */
export function createOffice(options: OfficeOptions): Office {
  const { connectionString, groups } = options;
  const clock = createSimulatedClock(options.startMs);
  const outside = { token: 0, queuePuts: 0 };
  const around: Surroundings = {
    tables: spreadTables(
      createAzureTables({
        connection: { kind: 'connectionString', connectionString },
        requestTimeoutMs: 60_000,
      }),
    ),
    ledger: createRequestLedger(),
    clock,
    identity: createIdentity(clock, outside),
    directory: createDirectory(groups),
    queue: createCountedQueue(connectionString, outside),
    random: createRandom(options.chance, clock),
    pageEvery: options.pageEvery,
  };
  const { tables, ledger } = around;
  return {
    instances: Array.from({ length: options.instances }, () => createInstance(around)),
    clock,
    ledger,
    outside,
    refresh: refreshDeps(around, 'timer'),
    reconcile: { store: createStore(ledger.count(tables, 'reconcile')), clock },
    tables,
  };
}

function createSimulatedClock(startMs: number): SimulatedClock {
  let nowMs = startMs;
  return {
    now: () => new Date(nowMs),
    moveTo(atMs) {
      nowMs = atMs;
    },
  };
}

/** Creates the simulated Microsoft. A code contains the person and the groups that the token lists. */
function createIdentity(clock: Clock, outside: Office['outside']): Identity {
  return {
    createAuthorizeUrl: async ({ state }) => `https://login.example/authorize?state=${state}`,
    async redeemCode({ code }) {
      outside.token += 1;
      const [userId = '', ...groupIds] = code.split(',');
      const at = new Date(Math.floor(clock.now().getTime() / 1000) * 1000).toISOString();
      return {
        answeredAt: at,
        accessToken: 'access',
        claims: {
          userId,
          tenantId: TENANT_ID,
          displayName: `Person ${userId.slice(0, 8)}`,
          email: `person.${userId.slice(0, 8)}@company.example`,
          appRoles: [],
          issuedAt: at,
          groups: { kind: 'listed', groupIds },
        },
      };
    },
  };
}

function createDirectory(groups: readonly AssignedGroup[]): Directory {
  return {
    async readMyGroupIds() {
      throw new Error('Every token of this simulation lists its groups');
    },
    readAssignedGroups: async () => groups,
  };
}

function createCountedQueue(connectionString: string, outside: Office['outside']): MessageQueue {
  const queue = createStorageQueue({
    storage: { kind: 'connectionString', connectionString: new Secret(connectionString) },
    queueName: PROVISION_QUEUE,
  });
  return {
    check: async () => queue.check(),
    peek: async () => queue.peek(),
    async enqueue(text, options) {
      outside.queuePuts += 1;
      await queue.enqueue(text, options);
    },
  };
}

function createRandom(chance: Chance, clock: Clock): Random {
  const bytes = (count: number): Uint8Array =>
    Uint8Array.from({ length: count }, () => Math.floor(chance() * 256));
  return { bytes, uuid: () => timeOrderedUuid(clock.now().getTime(), bytes(10)) };
}

function refreshDeps({ ledger, tables, directory, clock }: Surroundings, purpose: Purpose): RefreshDeps {
  return {
    store: createStore(ledger.count(tables, purpose)),
    directory,
    clock,
    rules: RULES,
    brake: { removalLimitPercent: 20, acceptVersion: undefined },
  };
}

function createInstance(around: Surroundings): Instance {
  const { clock, random, queue, directory, ledger, tables, identity } = around;
  const signInTables = ledger.count(tables, 'sign-in');
  const workTables = ledger.count(tables, 'provision');
  const store = createStore(workTables);
  return {
    login: {
      identity,
      seal: createSealContext({ keyRing: new KeyRing({ tables: signInTables, clock, random }), clock }),
      random,
      users: createStore(signInTables).users,
      directory,
      queue,
      snapshots: new ParkedSnapshots(signInTables),
      issuer: 'https://login.example/v2.0',
      groupsClaimIsApplicationGroup: true,
      readAcceptedGroupIds: async () => Promise.reject(new Error('every id is a GUID')),
      allowedEmailDomains: [],
    },
    provision: {
      store,
      parked: new ParkedSnapshots(workTables),
      clock,
      random,
      rules: RULES,
      knowledge: createGroupKnowledge({
        store: store.assignedGroups,
        clock,
        refresh: async () => (await refreshAssignedGroups(refreshDeps(around, 'provision'))).list,
      }),
    },
    page: { store: createStore(ledger.count(tables, 'page', around.pageEvery)) },
  };
}

/**
 * Signs a person in, from the link to the session's cookie, and enqueues the message. Throws the error that the callback would
 * show.
 */
export async function signIn(instance: Instance, employee: Employee): Promise<RequestCookies> {
  const started = await startLogin(instance.login, {});
  const state = new URL(started.location).searchParams.get('state') ?? '';
  const outcome = await completeLogin(instance.login, {
    query: new URLSearchParams({ state, code: [employee.id, ...employee.groupIds].join(',') }),
    cookies: new Map([[started.cookie.name, started.cookie.value]]),
  });
  if (!outcome.ok) throw outcome.error;
  return new Map(outcome.cookies.map(({ name, value }) => [name, value]));
}

/** Does the reads of one view of the home page. Returns the observation on the page and the number of teams. */
export async function viewPage(
  instance: Instance,
  cookies: RequestCookies,
): Promise<{ readonly id: string; readonly teams: number }> {
  const session = await requireSession(instance.login.seal, cookies);
  const { teams, provisioning } = await readMyAccess(instance.page, session);
  return { id: provisioning.id ?? '', teams: teams.length };
}

/** Does the reads for one request of the page's script during the provisioning. Returns the status of the observation. */
export async function askProgress(instance: Instance, cookies: RequestCookies, id: string): Promise<string> {
  const session = await requireSession(instance.login.seal, cookies);
  return (await readProvisioning(instance.page, session, id)).status;
}
