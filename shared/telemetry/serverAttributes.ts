import type { Config } from '../config/config.ts';
import type { SpanAttributes } from './tracing.ts';

/** Returns the server's name and port for a span, without a default port. */
export function serverAttributes(url: URL): SpanAttributes {
  const port = url.port === '' ? undefined : Number(url.port);
  return { 'server.address': url.hostname, 'server.port': port };
}

const EMULATOR_PORTS = { Queue: 10_001, Table: 10_002 } as const;

/**
 * Returns the address of a service of the storage account. From a connection string it reads only the endpoint and
 * the account's name.
 */
export function storageServer(storage: Config['storage'], service: 'Queue' | 'Table'): SpanAttributes {
  if (storage.kind === 'managedIdentity') {
    return serverAttributes(new URL(service === 'Queue' ? storage.queueServiceUri : storage.tableServiceUri));
  }
  const text = storage.connectionString.reveal();
  const find = (key: string): string | undefined =>
    new RegExp(`(?:^|;)\\s*${key}=([^;]*)`, 'i').exec(text)?.[1]?.trim();
  const endpoint = URL.parse(find(`${service}Endpoint`) ?? '');
  if (endpoint !== null) return serverAttributes(endpoint);
  if (find('UseDevelopmentStorage') !== undefined) {
    return { 'server.address': '127.0.0.1', 'server.port': EMULATOR_PORTS[service] };
  }
  return { 'server.address': `${find('AccountName')}.${service.toLowerCase()}.${find('EndpointSuffix')}` };
}
