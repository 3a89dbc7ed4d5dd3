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
  /** Used if a request has no Host header, for example `http://localhost:7071`. */
  readonly url: string;
  /** Answers `GET /` itself, as Azure does unless the setting `AzureWebJobsDisableHomepage` is true. */
  readonly homepage: boolean;
  readonly log: HostLog;
  /** Answers `/admin/...`. */
  readonly admin: (request: IncomingMessage, response: ServerResponse) => Promise<void>;
}

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
  const path = (request.url ?? '/').split('?')[0] ?? '/';
  if (path.toLowerCase().startsWith('/admin/')) {
    await options.admin(request, response);
    return;
  }
  if (options.homepage && path === '/') {
    response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' });
    response.end(
      'The host answers "/" itself. Set AzureWebJobsDisableHomepage=true to let a function answer it.\n',
    );
    return;
  }
  const route = options.routes.find(request.method ?? 'GET', path);
  const target = route === undefined ? undefined : options.functions.get(route.functionName);
  if (route === undefined || target === undefined) {
    sendEmpty(response, path === '/' ? 204 : 404);
    return;
  }
  if (!isAuthorized(request, target.authLevel, options.functionKey)) {
    sendEmpty(response, 401);
    return;
  }
  const origin = request.headers.host === undefined ? options.url : `http://${request.headers.host}`;
  const http = await readHttpInput(request, URL.canParse(origin) ? origin : options.url, route.parameters);
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
