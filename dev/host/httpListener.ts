/** The HTTP side of the local host: routes, keys, bodies, answers. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AuthLevel } from './functionTrigger.ts';
import { isAuthorized } from './functionKey.ts';
import { sendAnswer, sendEmpty } from './httpAnswer.ts';
import { BodyTooLargeError, readHttpInput } from './httpInput.ts';
import type { HostLog } from './hostLog.ts';
import type { Invoker } from './invoker.ts';
import type { RouteTable } from './routeTable.ts';
import { createTraceContext } from './traceContext.ts';

export interface HttpFunction {
  readonly authLevel: AuthLevel;
  readonly bindingName: string;
}

export interface HttpListenerOptions {
  readonly routes: RouteTable;
  readonly functions: ReadonlyMap<string, HttpFunction>;
  readonly invoker: Invoker;
  readonly functionKey: string;
  /** Answers `/` with the host's own page where no function does, unless the setting `AzureWebJobsDisableHomepage` is true. */
  readonly homepage: boolean;
  readonly log: HostLog;
  /** Answers `/admin/...`. */
  readonly admin: (request: IncomingMessage, response: ServerResponse) => Promise<void>;
}

/** Azure's host, which is Kestrel, refuses longer request lines (method, target and version, without the line's end). */
const maxRequestLineBytes = 8190;

/** Creates the listener for all requests. It never throws: a failure is a 500 with an empty body. */
export function createHttpListener(
  options: HttpListenerOptions,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  return async (request, response) => {
    try {
      await answer(options, request, response);
    } catch (error) {
      const tooLarge = error instanceof BodyTooLargeError;
      if (!tooLarge) {
        options.log('debug', 'host', `A request failed: ${String(error)}`);
      }
      if (response.headersSent) {
        response.destroy();
      } else {
        sendEmpty(response, tooLarge ? 413 : 500);
      }
    }
  };
}

async function answer(
  options: HttpListenerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (requestLineBytes(request) > maxRequestLineBytes) {
    response.shouldKeepAlive = false;
    sendEmpty(response, 414);
    return;
  }
  const path = (request.url ?? '/').split('?')[0] ?? '/';
  if (path.toLowerCase().startsWith('/admin/')) {
    await options.admin(request, response);
    return;
  }
  const route = options.routes.find(request.method ?? 'GET', path);
  const target = route === undefined ? undefined : options.functions.get(route.functionName);
  if (route === undefined || target === undefined) {
    sendUnanswered(options, path, response);
    return;
  }
  if (!isAuthorized(request, target.authLevel, options.functionKey)) {
    sendEmpty(response, 401);
    return;
  }
  const http = await readHttpInput(request, route.parameters);
  const result = await options.invoker.invoke({
    functionName: route.functionName,
    input: { name: target.bindingName, data: { http } },
    traceContext: createTraceContext({
      traceParent: http.nullableHeaders['traceparent']?.value ?? '',
      traceState: http.nullableHeaders['tracestate']?.value ?? '',
    }),
  });
  sendAnswer(response, result);
}

/** Returns the length of the line as it was sent. Node keeps its target unchanged. */
function requestLineBytes({ method = '', url = '', httpVersion }: IncomingMessage): number {
  return Buffer.byteLength(`${method} ${url} HTTP/${httpVersion}`, 'latin1');
}

/** Answers what no function answers: `/` with the host's own page, or 204 where the page is disabled; the rest with 404. */
function sendUnanswered({ homepage }: HttpListenerOptions, path: string, response: ServerResponse): void {
  if (!homepage || path !== '/') {
    sendEmpty(response, path === '/' ? 204 : 404);
    return;
  }
  response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' });
  response.end('The host answers "/" itself, because no function does.\n');
}
