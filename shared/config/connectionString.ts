import { findPlainUrl, isLoopback } from './loopback.ts';

/** Gives `Key=Value;…` by key, or undefined where a part has no value or a key stands twice (which one holds?). */
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

/**
 * Tells whether Azure's storage clients can use the text: `UseDevelopmentStorage=true`; or an account or a shared
 * access signature, with both endpoints (or, for an account, the suffix from which they follow).
 */
export function isStorageConnectionString(text: string): boolean {
  const parts = findParts(text);
  if (parts === undefined) return false;
  if (parts.get('UseDevelopmentStorage') === 'true') return true;
  const endpoints = [...parts].filter(([key]) => key.endsWith('Endpoint'));
  if (!endpoints.every(([, value]) => findPlainUrl(value) !== undefined)) return false;
  const hasEndpoints = parts.has('QueueEndpoint') && parts.has('TableEndpoint');
  if (parts.has('SharedAccessSignature')) return hasEndpoints;
  const hasAccount = ['DefaultEndpointsProtocol', 'AccountName', 'AccountKey'].every((key) => parts.has(key));
  return hasAccount && (hasEndpoints || parts.has('EndpointSuffix'));
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
 * Tells whether everything that the text names is an emulator on this machine. Fails towards "no": a key that is not
 * known here, in another case or twice could make a client go elsewhere than the endpoint that was looked at.
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
