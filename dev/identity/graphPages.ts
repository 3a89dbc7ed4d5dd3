/** Graph's lists: `$top`, `$select`, `$skiptoken`, `@odata.nextLink`. */
import { graphBaseUrl } from './emulator.ts';
import type { Emulator } from './emulator.ts';
import { graphFailure } from './graphErrors.ts';
import type { GraphAnswer } from './graphErrors.ts';

const defaultSize = 100;
const maxSize = 999;
const knownOptions = new Set(['$top', '$select', '$skiptoken']);

const sizeOf = (url: URL): number => Number(url.searchParams.get('$top') ?? defaultSize);

/** Returns where a page begins. The text of the token means nothing to a client. */
function offsetOf(url: URL): number {
  const token = url.searchParams.get('$skiptoken');
  return token === null ? 0 : Number(Buffer.from(token, 'base64url').toString('utf8'));
}

/** Returns which page of a list a request asks for. The first page is 1. */
export const pageOf = (url: URL): number => Math.floor(offsetOf(url) / sizeOf(url)) + 1;

function selectFields(row: Readonly<Record<string, unknown>>, select: string | null): object {
  const fields = select?.split(',').map((field) => field.trim());
  return fields === undefined
    ? row
    : Object.fromEntries(Object.entries(row).filter(([key]) => key.startsWith('@') || fields.includes(key)));
}

function renderNextLink(emulator: Emulator, url: URL, offset: number): string {
  const origin = emulator.faults.current.nextLinkOrigin ?? emulator.origin;
  const options = ['$top', '$select'].flatMap((option) => {
    const value = url.searchParams.get(option);
    return value === null ? [] : [`${option}=${encodeURIComponent(value)}`];
  });
  const skipToken = Buffer.from(String(offset)).toString('base64url');
  const query = [...options, `$skiptoken=${skipToken}`].join('&');
  return `${origin}${new URL(graphBaseUrl(emulator)).pathname}${url.pathname}?${query}`;
}

/** Renders the page that `url` asks for: 100 rows unless it says otherwise, and at most 999. Refuses other query options. */
export function renderPage(
  emulator: Emulator,
  url: URL,
  rows: readonly Readonly<Record<string, unknown>>[],
): GraphAnswer {
  const unknown = [...url.searchParams.keys()].find((option) => !knownOptions.has(option));
  if (unknown !== undefined) {
    return graphFailure(
      400,
      'Request_UnsupportedQuery',
      `The query option '${unknown}' is not supported by the emulator.`,
    );
  }
  const size = sizeOf(url);
  const offset = offsetOf(url);
  if (!Number.isInteger(size) || size < 1 || size > maxSize) {
    return graphFailure(
      400,
      'Request_BadRequest',
      `Invalid page size specified: '${size}'. Must be between 1 and 999.`,
    );
  }
  if (!Number.isInteger(offset) || offset < 0) {
    return graphFailure(400, 'Directory_ExpiredPageToken', 'The specified page token value has expired.');
  }
  const end = offset + size;
  return {
    status: 200,
    body: {
      '@odata.context': `${graphBaseUrl(emulator)}/$metadata#directoryObjects`,
      ...(end < rows.length ? { '@odata.nextLink': renderNextLink(emulator, url, end) } : {}),
      value: rows.slice(offset, end).map((row) => selectFields(row, url.searchParams.get('$select'))),
    },
  };
}
