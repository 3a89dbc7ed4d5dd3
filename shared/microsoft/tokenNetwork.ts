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
  /** Reads an answer and returns what MSAL may see of it. `undefined`: it is unusable. Throws an AppError that says more. */
  readonly read: (answer: { readonly body: object; readonly date: string | undefined }) => object | undefined;
}

/**
 * Creates MSAL's network: one request per call, with a time-out and without redirects.
 * Throws an AuthError, which MSAL passes on. Its cause is the AppError that `read` throws, or `microsoft_unreachable` (retryable):
 * no answer in time, 429 or 5xx with `unavailable: 'throw'`, or an answer that isn't a JSON object or is unusable.
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
  const body = parseJson(text);
  const forMsal = isJsonObject(body) ? read(options, body, headers['date']) : undefined;
  // MSAL names the type that it expects. `read` has checked its fields.
  const typed = z.custom<T>((value) => value !== undefined).safeParse(forMsal);
  if (!typed.success) throw unreachable({ status });
  return { status, headers, body: typed.data };
}

function read(options: TokenNetworkOptions, body: object, date: string | undefined): object | undefined {
  try {
    return options.read({ body, date });
  } catch (error) {
    if (error instanceof AppError) throw authErrorOf(error);
    throw error;
  }
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
  return authErrorOf(
    new AppError('microsoft_unreachable', 'Microsoft did not answer usably', {
      retryable: true,
      details,
      cause,
    }),
  );
}

/** MSAL passes on only its own errors. */
function authErrorOf(cause: AppError): AuthError {
  const error = new AuthError('network_error', '');
  error.cause = cause;
  return error;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isJsonObject(body: unknown): body is object {
  return typeof body === 'object' && body !== null && !Array.isArray(body);
}
