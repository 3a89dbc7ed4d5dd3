/** Turns a Node request into the input that a function's library reads, as Azure's host does. */
import type { IncomingMessage } from 'node:http';
import type { HttpInput, NullableString } from './programmingModel.ts';

/** Azure's limit of a request body. */
const maxBodyBytes = 100 * 1024 * 1024;

/** The request's body is larger than the host accepts. The answer is 413. */
export class BodyTooLargeError extends Error {
  constructor() {
    super(`The request body is larger than ${maxBodyBytes} bytes.`);
    this.name = 'BodyTooLargeError';
  }
}

/**
 * Reads one request. Header names are in lower case; values of the same name are joined with a comma; empty headers are
 * left out. Query keys that differ only in case count as the same, and their values are joined with a comma. The body
 * needs a Content-Length: a chunked body is dropped, as in Azure without HTTP streams. The address has the Host header as it
 * was sent, even if the header is missing (HTTP/1.0): `http:///api/me`.
 * Throws {@link BodyTooLargeError}.
 */
export async function readHttpInput(
  request: IncomingMessage,
  parameters: Readonly<Record<string, string>>,
): Promise<HttpInput> {
  const target = request.url ?? '/';
  const [, query = ''] = /\?(.*)$/s.exec(target) ?? [];
  const body = await readBody(request);
  return {
    method: request.method ?? 'GET',
    url: `http://${request.headers.host ?? ''}${target}`,
    nullableHeaders: readHeaders(request.rawHeaders),
    nullableQuery: readQuery(new URLSearchParams(query)),
    nullableParams: Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, { value }])),
    ...(body.byteLength === 0 ? {} : { body: { bytes: body } }),
  };
}

function readHeaders(rawHeaders: readonly string[]): Record<string, NullableString> {
  const headers = new Map<string, string>();
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] ?? '').toLowerCase();
    const value = rawHeaders[index + 1] ?? '';
    const earlier = headers.get(name);
    const separator = name === 'cookie' ? '; ' : ',';
    if (value !== '') {
      headers.set(name, earlier === undefined ? value : `${earlier}${separator}${value}`);
    }
  }
  return Object.fromEntries([...headers].map(([name, value]) => [name, { value }]));
}

function readQuery(parameters: URLSearchParams): Record<string, NullableString> {
  const query = new Map<string, { readonly name: string; readonly value: string }>();
  for (const [name, value] of parameters) {
    const key = name.toLowerCase();
    const earlier = query.get(key);
    query.set(key, {
      name: earlier?.name ?? name,
      value: earlier === undefined ? value : `${earlier.value},${value}`,
    });
  }
  return Object.fromEntries([...query.values()].map(({ name, value }) => [name, { value }]));
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const announced = Number(request.headers['content-length'] ?? 0);
  if (announced > maxBodyBytes) {
    throw new BodyTooLargeError();
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  const body: AsyncIterable<Uint8Array> = request;
  for await (const chunk of body) {
    size += chunk.byteLength;
    if (size > maxBodyBytes) {
      throw new BodyTooLargeError();
    }
    chunks.push(chunk);
  }
  return announced > 0 ? Buffer.concat(chunks) : Buffer.alloc(0);
}
