/** Runs the product on real emulators. Counts every request that leaves the process, by its target service. */
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
import {
  PROVISION_QUEUE,
  parseProvisionMessage,
  type ProvisionMessage,
} from '../../shared/queue/queueMessage.ts';
import { azuriteConnectionString } from './azurite.ts';
import { startEmulators } from './emulators.ts';
import { keepCookies } from './signInDoubles.ts';
import { createTenant, loginOf, type TenantPlan } from './signInTenant.ts';
import { startTableProxy } from './tableProxy.ts';

/** The number of requests by their target service. */
export interface Requests {
  readonly token: number;
  readonly graph: number;
  readonly queue: number;
  readonly table: number;
}

export interface RequestWorld {
  /** Signs a person in and counts the requests from the callback on. Also returns the message that the sign-in enqueued. */
  signIn(
    this: void,
    login: string,
  ): Promise<{ readonly counted: Requests; readonly message: ProvisionMessage }>;
  /** Processes a message as the worker does. Does not count the host's own requests to receive and delete it. */
  provision(this: void, message: ProvisionMessage): Promise<Requests>;
  /** Reads the assigned groups again, as the timer does. */
  refresh(this: void): Promise<void>;
  stop(this: void): Promise<void>;
}

/** The login of a person who signs in without counting, so that keys and tokens are cached. Each plan has this person. */
const WARM_UP = loginOf(1, 9);

/** Starts emulators, and a counting proxy in front of each storage service. The caller stops them. */
export async function openRequestWorld(plan: TenantPlan): Promise<RequestWorld> {
  const emulators = await startEmulators(createTenant(plan));
  const proxies = await startProxies(emulators.connectionString);
  const app = createApp(
    parseConfig(
      createStackSettings({
        url: 'http://localhost:7071',
        identity: emulators.identity,
        storageConnectionString: proxies.connectionString,
        given: {},
      }),
    ),
  );
  const control = createControlClient(emulators.identity.browserUrl);
  const queue = new QueueClient(emulators.connectionString, PROVISION_QUEUE);

  const count = async (act: () => Promise<unknown>): Promise<Requests> => {
    await control.clearRequests();
    proxies.forget();
    await act();
    const { requests, counts } = await control.readRequests();
    const graph = requests.filter(({ kind }) => kind === 'graph').length;
    return { token: counts.token, graph, ...proxies.count() };
  };
  const open = async (text: string): Promise<ProvisionMessage> =>
    parseProvisionMessage((await app.provisionQueue.seal.open(text)) ?? '');
  const world: RequestWorld = {
    async signIn(login) {
      const started = await startLogin(app.login, {});
      const { redirect, page } = await walkSignIn(started.location, { login });
      if (redirect === undefined) throw new Error(`The emulator did not redirect the person: ${page}`);
      const cookies = keepCookies(new Map(), [started.cookie]);
      const counted = await count(async () => {
        const outcome = await completeLogin(app.login, { query: redirect.searchParams, cookies });
        if (!outcome.ok) throw outcome.error;
      });
      return { counted, message: await open(await receive(queue)) };
    },
    provision: async (message) =>
      count(async () => {
        const { status } = await provisionUser(app.provision, message, { attempt: 1, isLastAttempt: false });
        if (status !== 'done' && status !== 'unchanged')
          throw new Error(`The provisioning ended as ${status}.`);
      }),
    async refresh() {
      app.knowledge.remember((await refreshAssignedGroups(app.refresh)).list);
    },
    async stop() {
      await proxies.stop();
      await emulators.stop();
    },
  };
  await world.refresh();
  await world.signIn(WARM_UP);
  return world;
}

/** Takes the only message out of the queue, without the proxy. Throws unless the queue has exactly one message. */
async function receive(queue: QueueClient): Promise<string> {
  const { receivedMessageItems } = await queue.receiveMessages({ numberOfMessages: 2 });
  const [item, second] = receivedMessageItems;
  if (item === undefined || second !== undefined)
    throw new Error('The sign-in did not enqueue exactly one message.');
  await queue.deleteMessage(item.messageId, item.popReceipt);
  return Buffer.from(item.messageText, 'base64').toString('utf8');
}

interface Proxies {
  readonly connectionString: string;
  count(this: void): Pick<Requests, 'queue' | 'table'>;
  forget(this: void): void;
  stop(this: void): Promise<void>;
}

async function startProxies(connectionString: string): Promise<Proxies> {
  const urls = { queueUrl: urlIn(connectionString, 'Queue'), tableUrl: urlIn(connectionString, 'Table') };
  const tables = await startTableProxy(urls);
  const queues = await startTableProxy({ ...urls, tableUrl: urls.queueUrl });
  return {
    connectionString: azuriteConnectionString({
      queueUrl: urlIn(queues.connectionString, 'Table'),
      tableUrl: urlIn(tables.connectionString, 'Table'),
    }),
    count: () => ({ queue: queues.requests().length, table: tables.requests().length }),
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
