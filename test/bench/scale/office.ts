/** The running product as the simulation needs it: instances with the real flows and adapters, and a pretended Microsoft. */
import { createKeyRing } from '../../../shared/storage/keyRing.ts';
import { createParkedSnapshots } from '../../../shared/storage/parkedSnapshots.ts';
import { createStorageQueue } from '../../../shared/queue/storageQueue.ts';
import { createAzureTables } from '../../../shared/storage/tables/azureTables.ts';
import type { Tables } from '../../../shared/model/tables.ts';
import { createStore } from '../../../shared/app/createStore.ts';
import { Secret } from '../../../shared/config/config.ts';
import type { AssignedGroup } from '../../../shared/model/assignedGroups.ts';
import { timeOrderedUuid } from '../../../shared/platform/timeOrderedUuid.ts';
import type { CompleteLoginDeps } from '../../../shared/signIn/completeLogin.ts';
import { completeLogin } from '../../../shared/signIn/completeLogin.ts';
import { createGroupKnowledge } from '../../../shared/groups/groupKnowledge.ts';
import type { ProvisionDeps } from '../../../shared/provisioning/provisionRun.ts';
import { readMyAccess } from '../../../shared/home/readMyAccess.ts';
import { readProvisioning } from '../../../shared/home/readProvisioning.ts';
import type { ReconcileDeps } from '../../../shared/provisioning/repairMemberIndexes.ts';
import type { RefreshDeps } from '../../../shared/groups/refreshAssignedGroups.ts';
import { refreshAssignedGroups } from '../../../shared/groups/refreshAssignedGroups.ts';
import { startLogin } from '../../../shared/signIn/startLogin.ts';
import { PROVISION_QUEUE } from '../../../shared/queue/queueNames.ts';
import type { Clock, Directory, Identity, MessageQueue, Random } from '../../../shared/model/ports.ts';
import type { RequestCookies, SealContext } from '../../../shared/session/session.ts';
import { requireSession } from '../../../shared/session/session.ts';
import type { Chance, Employee } from './company.ts';
import type { Purpose, RequestLedger } from './requestLedger.ts';
import { createRequestLedger } from './requestLedger.ts';
import { spreadTables } from './spreadTables.ts';
import { sampleRules } from '../../support/world.ts';

const TENANT_ID = '11111111-2222-4333-8444-555555555555';

/** Assignments in one page of Graph. */
const GRAPH_PAGE = 999;

/** The flag on and limits set: the costlier of the two ways. */
const RULES = sampleRules();

/** The simulated time, which every flow and adapter of the simulation sees. */
export interface SimulatedClock extends Clock {
  moveTo(atMs: number): void;
}

/** Gives a clock that stands still until it is moved. */
export function createSimulatedClock(startMs: number): SimulatedClock {
  let nowMs = startMs;
  return {
    now: () => new Date(nowMs),
    moveTo(atMs) {
      nowMs = atMs;
    },
  };
}

/** Requests to Microsoft and to the queue. */
export interface OutsideCounts {
  token: number;
  memberOfPages: number;
  assignedGroupPages: number;
  queuePuts: number;
  queuePutBytes: number;
}

/** One instance of the function app: its own caches. */
export interface Instance {
  readonly login: CompleteLoginDeps;
  readonly provision: ProvisionDeps;
  readonly page: { readonly store: ProvisionDeps['store'] };
}

export interface Office {
  readonly instances: readonly Instance[];
  readonly clock: SimulatedClock;
  readonly ledger: RequestLedger;
  readonly outside: OutsideCounts;
  readonly refresh: RefreshDeps;
  readonly reconcile: ReconcileDeps;
  /** Uncounted, to measure what stands there. */
  readonly tables: Tables;
}

export interface OfficeOptions {
  readonly connectionString: string;
  readonly groups: readonly AssignedGroup[];
  readonly chance: Chance;
  readonly clock: SimulatedClock;
  readonly instances: number;
  /** One sign-in in so many looks at its pages, and counts for all of them. */
  readonly pageEvery: number;
}

interface Surroundings extends OfficeOptions {
  readonly tables: Tables;
  readonly ledger: RequestLedger;
  readonly outside: OutsideCounts;
  readonly queue: MessageQueue;
  readonly random: Random;
  readonly directory: Directory;
}

/** Whoever comes back with a code names the person in it, with the groups that the token will list. */
function createIdentity({ clock, outside }: Pick<Surroundings, 'clock' | 'outside'>): Identity {
  return {
    createAuthorizeUrl: async ({ state }) => `https://login.example/authorize?state=${state}`,
    async redeemCode({ code }) {
      outside.token += 1;
      const [userId = '', ...groupIds] = code.split(' ');
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

function createDirectory(groups: readonly AssignedGroup[], outside: OutsideCounts): Directory {
  return {
    async readMyGroupIds() {
      outside.memberOfPages += 1;
      throw new Error('Every token of this simulation lists its groups');
    },
    async readAssignedGroups() {
      outside.assignedGroupPages += Math.ceil(groups.length / GRAPH_PAGE);
      return groups;
    },
  };
}

function createCountedQueue(connectionString: string, outside: OutsideCounts): MessageQueue {
  const queue = createStorageQueue({
    storage: { kind: 'connectionString', connectionString: new Secret(connectionString) },
    queueName: PROVISION_QUEUE,
  });
  return {
    check: async () => queue.check(),
    async enqueue(text, options) {
      outside.queuePuts += 1;
      outside.queuePutBytes += Buffer.byteLength(text);
      await queue.enqueue(text, options);
    },
  };
}

function createRandom(chance: Chance, clock: Clock): Random {
  const bytes = (count: number): Uint8Array =>
    Uint8Array.from({ length: count }, () => Math.floor(chance() * 256));
  return { bytes, uuid: () => timeOrderedUuid(clock.now().getTime(), bytes(10)) };
}

function refreshDeps(around: Surroundings, purpose: Purpose): RefreshDeps {
  return {
    store: createStore(around.ledger.count(around.tables, purpose)),
    directory: around.directory,
    clock: around.clock,
    rules: RULES,
    brake: { removalLimitPercent: 20, acceptVersion: undefined },
  };
}

function createInstance(around: Surroundings): Instance {
  const { clock, random, queue, directory, ledger, tables } = around;
  const signInTables = ledger.count(tables, 'sign-in');
  const workTables = ledger.count(tables, 'provision');
  const store = createStore(workTables);
  const seal: SealContext = {
    keyRing: createKeyRing({ tables: signInTables, clock, random }),
    clock,
    tenantId: TENANT_ID,
    clientId: '66666666-7777-4888-8999-aaaaaaaaaaaa',
    publicUrl: 'https://app.example.com',
  };
  return {
    login: {
      identity: createIdentity(around),
      seal,
      random,
      directory,
      queue,
      snapshots: createParkedSnapshots(signInTables),
      groupsClaimIsApplicationGroup: true,
      allowedEmailDomains: [],
    },
    provision: {
      store,
      parked: createParkedSnapshots(workTables),
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

/** Builds the product on an emulator whose tables and queue exist. Connects to nothing yet. */
export function createOffice(options: OfficeOptions): Office {
  const { connectionString, groups, chance, clock } = options;
  const tables = spreadTables(
    createAzureTables({
      connection: { kind: 'connectionString', connectionString },
      requestTimeoutMs: 60_000,
    }),
  );
  const ledger = createRequestLedger();
  const outside: OutsideCounts = {
    token: 0,
    memberOfPages: 0,
    assignedGroupPages: 0,
    queuePuts: 0,
    queuePutBytes: 0,
  };
  const around: Surroundings = {
    ...options,
    tables,
    ledger,
    outside,
    queue: createCountedQueue(connectionString, outside),
    random: createRandom(chance, clock),
    directory: createDirectory(groups, outside),
  };
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

/** Signs a person in, from the link to the session cookie; their message is in the queue then. Throws what the callback would show. */
export async function signIn(instance: Instance, employee: Employee): Promise<RequestCookies> {
  const started = await startLogin(instance.login, {});
  const state = new URL(started.location).searchParams.get('state') ?? '';
  const outcome = await completeLogin(instance.login, {
    query: new URLSearchParams({ state, code: [employee.id, ...employee.groupIds].join(' ') }),
    cookies: new Map([[started.cookie.name, started.cookie.value]]),
  });
  if (!outcome.ok) throw outcome.error;
  return new Map(outcome.cookies.map(({ name, value }) => [name, value]));
}

/** Reads what one view of the home page reads. Gives the observation that it is about, and the number of teams shown. */
export async function viewPage(
  instance: Instance,
  cookies: RequestCookies,
): Promise<{ readonly id: string; readonly teams: number }> {
  const { teams, provisioning } = await readMyAccess(
    instance.page,
    await requireSession(instance.login.seal, cookies),
  );
  return { id: provisioning.id ?? '', teams: teams.length };
}

/** Reads what one question of the page's script reads while it is under way. Gives the status of the observation. */
export async function askProgress(instance: Instance, cookies: RequestCookies, id: string): Promise<string> {
  const session = await requireSession(instance.login.seal, cookies);
  return (await readProvisioning(instance.page, session, id)).status;
}
