import { join } from 'node:path';
import { z } from 'zod';
import { type Child, startChild } from '../emulator/childProcess.ts';

/** The account and key of every storage emulator. They are public, so they aren't secrets. */
const account = 'devstoreaccount1';
const accountKey = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';

const readySchema = z.object({
  ready: z.literal(true),
  blobUrl: z.url().optional(),
  queueUrl: z.url(),
  tableUrl: z.url(),
});

export interface AzuriteOptions {
  /** Where the data is kept between starts. Absent: in memory. */
  readonly location?: string;
  /** 0, the default, takes any free port. */
  readonly queuePort?: number;
  readonly tablePort?: number;
  /** Starts the blob server too, which the real Functions host needs. 0 takes any free port. */
  readonly blobPort?: number;
}

export interface Azurite {
  readonly connectionString: string;
  readonly name: string;
  readonly pid: number;
  readonly exited: Child<unknown>['exited'];
  logs(this: void): readonly string[];
  stop(this: void): Promise<void>;
}

/** Starts Azurite's queue and table servers, and with a port its blob server, in a process of their own, on loopback. Rejects with its last lines if it fails. */
export async function startAzurite(options: AzuriteOptions = {}): Promise<Azurite> {
  const child = await startChild({
    name: 'storage emulator',
    modulePath: join(import.meta.dirname, 'azuriteServer.ts'),
    args: [
      ...(options.location === undefined ? [] : ['--location', options.location]),
      '--queue-port',
      String(options.queuePort ?? 0),
      '--table-port',
      String(options.tablePort ?? 0),
      ...(options.blobPort === undefined ? [] : ['--blob-port', String(options.blobPort)]),
    ],
    readySchema,
  });
  const { blobUrl, queueUrl, tableUrl } = child.ready;
  return {
    connectionString: [
      'DefaultEndpointsProtocol=http',
      `AccountName=${account}`,
      `AccountKey=${accountKey}`,
      ...(blobUrl === undefined ? [] : [`BlobEndpoint=${blobUrl}/${account}`]),
      `QueueEndpoint=${queueUrl}/${account}`,
      `TableEndpoint=${tableUrl}/${account}`,
    ].join(';'),
    name: child.name,
    pid: child.pid,
    exited: child.exited,
    logs: child.logs,
    stop: child.stop,
  };
}
