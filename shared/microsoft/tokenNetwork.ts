import {
  AuthError,
  type INetworkModule,
  type NetworkRequestOptions,
  type NetworkResponse,
} from '@azure/msal-node';
import * as z from 'zod/mini';
import { AppError } from '../model/errors.ts';
import type { Fetch } from '../model/ports.ts';
import { withTimeout } from '../platform/withTimeout.ts';

export interface TokenNetworkOptions {
  readonly fetch: Fetch;
  /** For the whole exchange. MSAL has no time-out of its own. */
  readonly timeoutMs: number;
  /**
   * What to do with an answer of 429 or 5xx. `throw`: throw `microsoft_unreachable`, so that MSAL doesn't see it.
   * MSAL's throttling cache would refuse every later call for a minute. `return`: MSAL sees it and may retry.
   */
  readonly unavailable: 'throw' | 'return';
}

/**
 * Creates MSAL's network: one request per call, with a time-out and without redirects.
 * Throws an AuthError, which MSAL passes on. Its cause is the AppError `microsoft_unreachable` (retryable): no
 * answer in time, 429 or 5xx with `unavailable: 'throw'`, or an answer that isn't a JSON object.
 */
export function createTokenNetwork(options: TokenNetworkOptions): INetworkModule {
  return {
    sendGetRequestAsync: <T>(url: string, request?: NetworkRequestOptions) =>
      send<T>(options, url, { ...request, method: 'GET' }),
    sendPostRequestAsync: <T>(url: string, request?: NetworkRequestOptions) =>
      send<T>(options, url, { ...request, method: 'POST' }),
  };
}

type TokenRequest = NetworkRequestOptions & { readonly method: 'GET' | 'POST' };

async function send<T>(
  options: TokenNetworkOptions,
  url: string,
  request: TokenRequest,
): Promise<NetworkResponse<T>> {
  const { status, headers, text } = await exchange(options, url, request);
  if (options.unavailable === 'throw' && (status === 429 || status >= 500)) throw unreachable({ status });
  // MSAL names the type that it expects, and checks what it reads. We can only promise an object.
  const body = z.custom<T>(isJsonObject).safeParse(parseJson(text));
  if (!body.success) throw unreachable({ status });
  return { status, headers, body: body.data };
}

interface Exchange {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly text: string;
}

async function exchange(options: TokenNetworkOptions, url: string, request: TokenRequest): Promise<Exchange> {
  try {
    return await withTimeout(options.timeoutMs, async (signal) => {
      const response = await options.fetch(url, {
        method: request.method,
        headers: request.headers ?? {},
        ...(request.method === 'POST' ? { body: request.body ?? '' } : {}),
        // A token endpoint never redirects. Following a redirect would send the credential to another address.
        redirect: 'error',
        signal,
      });
      return {
        status: response.status,
        headers: Object.fromEntries(response.headers),
        text: await response.text(),
      };
    });
  } catch (cause) {
    throw unreachable({}, cause);
  }
}

function unreachable(details: { readonly status?: number }, cause?: unknown): AuthError {
  const error = new AuthError('network_error', '');
  error.cause = new AppError('microsoft_unreachable', 'Microsoft did not answer usably', {
    retryable: true,
    details,
    cause,
  });
  return error;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isJsonObject(body: unknown): boolean {
  return typeof body === 'object' && body !== null && !Array.isArray(body);
}
