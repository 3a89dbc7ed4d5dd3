/** Answers the calls to LiteLLM's API, and the page for people. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';

import { actOutFault } from '../emulator/faults.ts';
import { admit } from './api/admit.ts';
import { ApiError, renderProxyError } from './api/apiError.ts';
import type { Call } from './api/call.ts';
import { MemberWriteGap } from './api/memberWriteGap.ts';
import { requireEndpoint, runEndpoint } from './api/router.ts';
import type { CallFault, LitellmFaultSwitches } from './faults.ts';
import { renderFrontPage } from './frontPage.ts';
import { KeyCache } from './keyCache.ts';
import type { LitellmState } from './litellmState.ts';
import type { SettingsSwitch } from './proxySettings.ts';
import type { ProxyStore } from './proxyStore.ts';
import { recordRequest } from './recordedRequest.ts';
import type { LitellmRequestRecord } from './recordedRequest.ts';
import { behavioursOf } from './versions.ts';
import type { Version } from './versions.ts';

/** The parts of a running emulator. */
export interface Parts {
  readonly version: Version;
  readonly settings: SettingsSwitch;
  readonly masterKey: string;
  readonly store: ProxyStore;
  readonly state: LitellmState;
  readonly faults: LitellmFaultSwitches;
  readonly requests: LitellmRequestRecord;
  /** Writes the rows to the state file. */
  save(this: void): void;
}

export interface CallHandler {
  readonly handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>;
  /** Breaks every connection that a fault keeps silent. */
  readonly endSilence: () => void;
}

interface Answer {
  readonly status: number;
  readonly body: object | string | null;
}

/** Creates the handler of one emulator. */
export function createCallHandler(parts: Parts): CallHandler {
  const silent = new Set<ServerResponse>();
  let inFlight = 0;
  const gap = new MemberWriteGap(parts.faults, () => inFlight);
  const behaviours = behavioursOf(parts.version);
  const keyCache = new KeyCache(parts.store, () => parts.settings.current.cacheSeconds ?? 0);

  const handleCall = async (request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> => {
    const recorded = parts.requests.start(recordRequest(request, url), response);
    inFlight += 1;
    response.once('close', () => {
      inFlight -= 1;
    });
    const sent = await text(request);
    const fault = parts.faults.take(recorded.method, recorded.path);
    if (fault?.afterApplying !== true && (await actOut(fault, response, silent))) return;
    const halfWrite = fault?.halfWrite === true;
    const answer = await answerCall(parts, request, {
      url,
      recorded,
      sent,
      halfWrite,
      gap,
      behaviours,
      keyCache,
    });
    if (recorded.isWrite) parts.save();
    if (fault?.afterApplying === true && (await actOut(fault, response, silent))) return;
    send(response, answer);
  };

  return {
    handle: async (request, response) => {
      const url = new URL(request.url ?? '/', 'http://localhost');
      if (url.pathname === '/' && request.method === 'GET') {
        response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
        response.end(renderFrontPage(parts));
      } else {
        await handleCall(request, response, url);
      }
    },
    endSilence: () => {
      for (const response of silent) response.destroy();
      silent.clear();
    },
  };
}

/** Acts out the fault of a call. Returns whether the call is now answered, or never will be. */
async function actOut(
  fault: CallFault | undefined,
  response: ServerResponse,
  silent: Set<ServerResponse>,
): Promise<boolean> {
  if (fault === undefined) return false;
  if (fault.silent === true) {
    await delay(fault.delayMs ?? 0);
    silent.add(response);
    return true;
  }
  const renderError = (status: number): object => {
    const type = status === 429 ? 'throttling_error' : 'internal_server_error';
    return renderProxyError(status, 'A fault switch is on', { type });
  };
  return actOutFault({ ...fault, hangUp: fault.reset }, response, { textType: 'text/plain', renderError });
}

interface ReceivedCall extends Pick<Call, 'recorded' | 'halfWrite' | 'gap' | 'behaviours'> {
  readonly url: URL;
  /** The body as text. */
  readonly sent: string;
  readonly keyCache: KeyCache;
}

async function answerCall(
  { store, masterKey, version, settings, faults }: Parts,
  request: IncomingMessage,
  { url, sent, recorded, halfWrite, gap, behaviours, keyCache }: ReceivedCall,
): Promise<Answer> {
  try {
    const body = parseJson(sent);
    if (body !== undefined) recorded.body = body;
    const endpoint = requireEndpoint(recorded.method, recorded.path);
    const { authorization } = request.headers;
    const about = { store, behaviours, query: url.searchParams, body };
    const now = new Date().toISOString();
    const caller = admit({ ...about, keyCache, masterKey, path: recorded.path, authorization, now });
    const changedBy = request.headers['litellm-changed-by'];
    const call: Call = {
      ...about,
      version,
      settings: settings.current,
      faults,
      gap,
      caller,
      recorded,
      changedBy: typeof changedBy === 'string' ? changedBy : undefined,
      halfWrite,
      now,
    };
    return { status: 200, body: await runEndpoint(call, endpoint) };
  } catch (error) {
    if (error instanceof ApiError) return { status: error.status, body: error.body };
    throw error;
  }
}

function send(response: ServerResponse, { status, body }: Answer): void {
  const isText = typeof body === 'string';
  response.writeHead(status, { 'content-type': isText ? 'text/plain; charset=utf-8' : 'application/json' });
  response.end(isText ? body : JSON.stringify(body));
}

function parseJson(sent: string): unknown {
  if (sent === '') return undefined;
  try {
    const value: unknown = JSON.parse(sent);
    return value;
  } catch {
    throw new ApiError(422, {
      detail: [{ type: 'json_invalid', loc: ['body', 0], msg: 'JSON decode error' }],
    });
  }
}
