/** The product and the baseline on real emulators, with every request that leaves the process counted by whom it goes to. */
import { createHash, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { QueueClient } from '@azure/storage-queue';
import { createControlClient } from '../../dev/identity/controlClient.ts';
import { walkSignIn } from '../../dev/identity/signInWalk.ts';
import { createStackSettings } from '../../dev/stack/stackSettings.ts';
import { createApp } from '../../shared/app.ts';
import { parseConfig } from '../../shared/config/config.ts';
import { completeLogin } from '../../shared/signIn/completeLogin.ts';
import { provisionUser } from '../../shared/provisioning/provisionUser.ts';
import { refreshAssignedGroups } from '../../shared/groups/refreshAssignedGroups.ts';
import { startLogin } from '../../shared/signIn/startLogin.ts';
import { PROVISION_QUEUE } from '../../shared/queue/queueNames.ts';
import { parseProvisionMessage, type ProvisionMessage } from '../../shared/queue/provisionMessage.ts';
import type { Tables } from '../../shared/model/tables.ts';
import { azuriteConnectionString } from '../support/azurite.ts';
import { keepCookies } from '../support/signInDoubles.ts';
import { startTableProxy, type TableProxy } from '../support/tableProxy.ts';
import { signInBaseline } from './baseline/signInBaseline.ts';
import type { BenchContext } from './report.ts';
import type { Requests } from './requestFormulas.ts';
import { createBaselineDeps } from './signInVariants.ts';
import { createTenant, loginOf, type TenantPlan } from './signInTenant.ts';

/** What was counted. */
export interface Counted extends Requests {
  /** What was sent to the tables, transactions included. */
  readonly tableBytes: number;
  /** Graph's requests in order, as path and query below `/v1.0`. */
  readonly graphPaths: readonly string[];
}

export interface RequestWorld {
  /** One sign-in of ours, from the callback on. */
  signIn(
    this: void,
    login: string,
  ): Promise<{ readonly counted: Counted; readonly message: ProvisionMessage }>;
  /** What the worker does with a message; the host's own receive and delete come on top. */
  provision(this: void, message: ProvisionMessage): Promise<Counted>;
  /** One sign-in of the baseline, from the callback on, provisioning included. */
  signInBaseline(this: void, login: string): Promise<Counted>;
  /** One tick of the timer. */
  refresh(this: void): Promise<Counted>;
  /** Uncounted access to the same tables, the baseline's own client. */
  readonly tables: Tables;
  close(this: void): Promise<void>;
}

const PUBLIC_URL = 'http://localhost:7071';
/** Somebody of this kind signs in first, so that keys and tokens are there; the plan needs one. */
export const WARM_UP_GROUPS = 1;
export const WARM_UP_PERSON = 9;

/** Starts emulators and proxies; trusts the emulator's authority in this process until it is closed. Caller closes. */
export async function openRequestWorld(context: BenchContext, plan: TenantPlan): Promise<RequestWorld> {
  const [azurite, identity] = await Promise.all([
    context.startAzurite(),
    context.startIdentity(createTenant(plan)),
  ]);
  const trusted = getCACertificates('default');
  setDefaultCACertificates([...trusted, await readFile(identity.caFile, 'utf8')]);
  const proxies = await startProxies(azurite.connectionString);
  const config = parseConfig(
    createStackSettings({
      url: PUBLIC_URL,
      identity,
      storageConnectionString: proxies.connectionString,
      given: {},
    }),
  );
  const app = createApp(config);
  const baseline = createBaselineDeps(config, app.login.identity);
  const control = createControlClient(identity.browserUrl);
  const queue = new QueueClient(azurite.connectionString, PROVISION_QUEUE);

  const count = async (act: () => Promise<unknown>): Promise<Counted> => {
    await control.clearRequests();
    proxies.forget();
    await act();
    const { requests, counts } = await control.readRequests();
    const graphPaths = requests
      .filter(({ kind }) => kind === 'graph')
      .map(({ path }) => decodeURIComponent(path.replace('/graph/v1.0', '')));
    return { token: counts.token, graph: graphPaths.length, graphPaths, ...proxies.count() };
  };
  const world: RequestWorld = {
    tables: baseline.tables,
    async signIn(login) {
      const started = await startLogin(app.login, {});
      const query = await walkToCallback(started.location, login);
      const cookies = keepCookies(new Map(), [started.cookie]);
      const counted = await count(async () => {
        const outcome = await completeLogin(app.login, { query, cookies });
        if (!outcome.ok) throw outcome.error;
      });
      return { counted, message: await receive(queue) };
    },
    provision: async (message) =>
      count(async () => {
        const { status } = await provisionUser(app.provision, message, { attempt: 1, isLastAttempt: false });
        if (status !== 'done' && status !== 'unchanged') throw new Error(`The provisioning is ${status}`);
      }),
    async signInBaseline(login) {
      const [state, nonce, codeVerifier] = [randomText(), randomText(), randomText()];
      const codeChallenge = createHash('sha256').update(codeVerifier).digest('base64url');
      const url = await app.login.identity.createAuthorizeUrl({ state, nonce, codeChallenge });
      const query = await walkToCallback(url, login);
      return count(async () =>
        signInBaseline(baseline, { code: query.get('code') ?? '', codeVerifier, nonce }),
      );
    },
    refresh: async () =>
      count(async () => app.knowledge.remember((await refreshAssignedGroups(app.refresh)).list)),
    async close() {
      setDefaultCACertificates(trusted);
      await proxies.stop();
    },
  };
  await world.refresh();
  await baseline.appToken();
  await world.signIn(loginOf(WARM_UP_GROUPS, WARM_UP_PERSON));
  return world;
}

function randomText(): string {
  return randomBytes(32).toString('base64url');
}

async function walkToCallback(authorizeUrl: string, login: string): Promise<URLSearchParams> {
  const { redirect, page } = await walkSignIn(authorizeUrl, { login });
  if (redirect === undefined) throw new Error(`Microsoft kept the person: ${page}`);
  return redirect.searchParams;
}

/** Takes the one message out of the queue, past the proxy. */
async function receive(queue: QueueClient): Promise<ProvisionMessage> {
  const { receivedMessageItems } = await queue.receiveMessages({ numberOfMessages: 2 });
  const [item, second] = receivedMessageItems;
  if (item === undefined || second !== undefined) throw new Error('A sign-in puts exactly one message');
  await queue.deleteMessage(item.messageId, item.popReceipt);
  return parseProvisionMessage(JSON.parse(Buffer.from(item.messageText, 'base64').toString('utf8')));
}

interface Proxies {
  readonly connectionString: string;
  count(this: void): Pick<Counted, 'queue' | 'table' | 'tableBytes'>;
  forget(this: void): void;
  stop(this: void): Promise<void>;
}

async function startProxies(connectionString: string): Promise<Proxies> {
  const urls = { queueUrl: urlIn(connectionString, 'Queue'), tableUrl: urlIn(connectionString, 'Table') };
  const tables = await startTableProxy(urls);
  const queues = await startTableProxy({ ...urls, tableUrl: urls.queueUrl });
  const addressOf = (proxy: TableProxy): string => urlIn(proxy.connectionString, 'Table');
  return {
    connectionString: azuriteConnectionString({ queueUrl: addressOf(queues), tableUrl: addressOf(tables) }),
    count: () => ({
      queue: queues.requests().length,
      table: tables.requests().length,
      tableBytes: tables.bodies().reduce((sum, body) => sum + Buffer.byteLength(body), 0),
    }),
    forget() {
      queues.forgetRequests();
      tables.forgetRequests();
    },
    async stop() {
      await Promise.all([queues.stop(), tables.stop()]);
    },
  };
}

function urlIn(connectionString: string, service: 'Queue' | 'Table'): string {
  const url = new RegExp(`${service}Endpoint=([^;]+)`).exec(connectionString)?.[1];
  if (url === undefined) throw new Error(`The connection string names no ${service} endpoint`);
  return url;
}
