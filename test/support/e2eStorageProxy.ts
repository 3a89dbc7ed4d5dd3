/** A proxy in front of both storage services that counts the requests of the whole app. */
import { azuriteConnectionString } from './azurite.ts';
import { startTableProxy, type TableProxy } from './tableProxy.ts';

export interface StorageProxy {
  readonly connectionString: string;
  /**
   * Returns the requests to tables since the last `forget`: `GET LiteLLMUserTable(PartitionKey='…',RowKey='…')`, without the
   * account.
   */
  tables(this: void): readonly string[];
  /** Returns the queue's name of each message that was enqueued since the last `forget`, in order. */
  puts(this: void): readonly string[];
  forget(this: void): void;
  /** Refuses the next `times` requests to queues with this status. */
  refuseQueues(this: void, status: number, times: number): void;
  stop(this: void): Promise<void>;
}

const account = '/devstoreaccount1';

/** Starts a proxy in front of the emulator that will listen on these ports. */
export async function startStorageProxy(ports: {
  readonly queuePort: number;
  readonly tablePort: number;
}): Promise<StorageProxy> {
  const urls = {
    queueUrl: `http://127.0.0.1:${ports.queuePort}${account}`,
    tableUrl: `http://127.0.0.1:${ports.tablePort}${account}`,
  };
  const tables = await startTableProxy(urls);
  const queues = await startTableProxy({ ...urls, tableUrl: urls.queueUrl });
  return {
    connectionString: azuriteConnectionString({ queueUrl: urlOf(queues), tableUrl: urlOf(tables) }),
    tables: () => tables.requests().map(withoutAccount),
    puts: () =>
      queues
        .requests()
        .map((request) => /^POST \/devstoreaccount1\/([^/]+)\/messages(?:\?|$)/.exec(request)?.[1])
        .filter((queue) => queue !== undefined),
    forget: () => {
      tables.forgetRequests();
      queues.forgetRequests();
    },
    refuseQueues: (status, times) =>
      queues.breakNext(...Array.from({ length: times }, () => ({ kind: 'answer' as const, status }))),
    stop: async () => {
      await Promise.all([tables.stop(), queues.stop()]);
    },
  };
}

function urlOf(proxy: TableProxy): string {
  const url = /TableEndpoint=([^;]+)/.exec(proxy.connectionString)?.[1];
  if (url === undefined) throw new Error('The proxy has no address.');
  return url;
}

function withoutAccount(request: string): string {
  const [method = '', url = ''] = request.split(' ');
  return `${method} ${decodeURIComponent(url.slice(`${account}/`.length).split('?')[0] ?? '')}`;
}
