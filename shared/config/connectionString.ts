import { findOrigin, findPlainUrl, isLoopback } from './loopback.ts';

/**
 * Returns the parts of `Key=Value;…` by key. Returns undefined if a part has no value or a key occurs twice, because
 * clients differ in which of the two they use.
 */
function findParts(text: string): ReadonlyMap<string, string> | undefined {
  const parts = new Map<string, string>();
  for (const part of text.split(';').map((each) => each.trim())) {
    if (part === '') continue;
    const at = part.indexOf('=');
    const key = part.slice(0, at);
    if (at < 1 || at === part.length - 1 || parts.has(key)) return undefined;
    parts.set(key, part.slice(at + 1));
  }
  return parts;
}

const knownKeys = new Set([
  'DefaultEndpointsProtocol',
  'AccountName',
  'AccountKey',
  'SharedAccessSignature',
  'EndpointSuffix',
  ...['Blob', 'Queue', 'Table', 'File'].flatMap((each) => [`${each}Endpoint`, `${each}SecondaryEndpoint`]),
]);

/**
 * Checks whether Azure's storage clients can use the text. Valid are `UseDevelopmentStorage=true` alone, or an account or
 * a shared access signature with both endpoints. An account may have the endpoint suffix instead.
 * Plain http sends the key unencrypted, so it is allowed only if every endpoint is named and on this machine.
 * In doubt the answer is no: a client that refuses the text later would lose messages already taken from the queue.
 */
export function isStorageConnectionString(text: string): boolean {
  if (/^UseDevelopmentStorage=true;?$/.test(text)) return true;
  const parts = findParts(text);
  if (parts === undefined || ![...parts.keys()].every((key) => knownKeys.has(key))) return false;
  if (![...parts].every(([key, value]) => !key.endsWith('Endpoint') || findEndpoint(value) !== undefined)) {
    return false;
  }
  const protocol = parts.get('DefaultEndpointsProtocol')?.toLowerCase();
  if (protocol !== undefined && protocol !== 'https' && !(protocol === 'http' && isAllOnThisMachine(parts))) {
    return false;
  }
  const usesHttp = namedEndpoints(parts).some((url) => url.protocol === 'http:');
  if (usesHttp && !isAllOnThisMachine(parts)) return false;
  return parts.has('SharedAccessSignature') ? isSignature(parts) : isAccount(parts, protocol);
}

/** Returns the endpoint as a URL. The clients read the text itself, so other spellings of the same origin are refused. */
function findEndpoint(text: string): URL | undefined {
  const url = findPlainUrl(text);
  return url !== undefined && text.toLowerCase().startsWith(url.origin) ? url : undefined;
}

function namedEndpoints(parts: ReadonlyMap<string, string>): readonly URL[] {
  return [...parts].flatMap(([key, value]) => {
    const url = key.endsWith('Endpoint') ? findEndpoint(value) : undefined;
    return url === undefined ? [] : [url];
  });
}

function hasBothEndpoints(parts: ReadonlyMap<string, string>): boolean {
  return parts.has('QueueEndpoint') && parts.has('TableEndpoint');
}

function isAllOnThisMachine(parts: ReadonlyMap<string, string>): boolean {
  return hasBothEndpoints(parts) && namedEndpoints(parts).every((url) => isLoopback(url));
}

/**
 * Checks whether the parts are a usable shared access signature. The table client reads the account's name from the endpoint:
 * from `name.table.…`, otherwise from the path.
 */
function isSignature(parts: ReadonlyMap<string, string>): boolean {
  const table = findEndpoint(parts.get('TableEndpoint') ?? '');
  if (table === undefined || !hasBothEndpoints(parts) || parts.has('AccountKey')) return false;
  return table.hostname.split('.')[1] === 'table' || /^\/[^/]/.test(table.pathname);
}

function isAccount(parts: ReadonlyMap<string, string>, protocol: string | undefined): boolean {
  const name = parts.get('AccountName') ?? '';
  const key = parts.get('AccountKey') ?? '';
  if (protocol === undefined || !/^[a-z0-9-]+$/i.test(name)) return false;
  if (!/^[a-z0-9+/]{2,}={0,2}$/i.test(key)) return false;
  if (hasBothEndpoints(parts)) return true;
  const suffix = parts.get('EndpointSuffix') ?? '';
  return suffix !== '' && findOrigin(`${protocol}://${name}.table.${suffix}`) !== undefined;
}

const developmentKeys = new Set([
  'DefaultEndpointsProtocol',
  'AccountName',
  'AccountKey',
  'BlobEndpoint',
  'QueueEndpoint',
  'TableEndpoint',
]);

/**
 * Checks whether every endpoint in the text is an emulator on this machine. In doubt the answer is no: a client could
 * read an unknown key, a key in another case or a repeated key as a different endpoint.
 */
export function isDevelopmentStorage(text: string): boolean {
  const parts = findParts(text);
  if (parts === undefined) return false;
  if (parts.get('UseDevelopmentStorage') === 'true') return parts.size === 1;
  if (![...parts.keys()].every((key) => developmentKeys.has(key))) return false;
  if (!parts.has('QueueEndpoint') || !parts.has('TableEndpoint')) return false;
  return [...parts]
    .filter(([key]) => key.endsWith('Endpoint'))
    .every(([, value]) => {
      const url = findPlainUrl(value);
      return url !== undefined && isLoopback(url);
    });
}
