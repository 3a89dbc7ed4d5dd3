/** The control API of an emulator, below `/control/`: JSON in, JSON out. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { z } from 'zod';

import type { FaultSwitches } from './faults.ts';

/** Answers one operation. `undefined` becomes 204. */
export type ControlRoute = (body: unknown) => object | undefined;

/** Routes by method and path below `/control/`, for example `PUT faults`. */
export type ControlRoutes = Readonly<Record<string, ControlRoute>>;

/** A change that the emulator refuses. The control API answers 400 with its message. */
export class ControlRefused extends Error {
  override readonly name: string = 'ControlRefused';
}

export interface FaultRoutesOptions<Faults extends object> {
  readonly faults: FaultSwitches<Faults>;
  readonly faultsSchema: z.ZodType<Faults>;
  /** Returns what `GET requests` answers. */
  readonly readRequests: () => object;
  readonly clearRequests: () => void;
}

/** Creates the routes that both emulators have: fault switches and the record of requests. */
export function createFaultRoutes<Faults extends object>(options: FaultRoutesOptions<Faults>): ControlRoutes {
  const { faults } = options;
  return {
    'GET faults': () => faults.current,
    'PUT faults': (body) => {
      faults.replace(options.faultsSchema.parse(body));
      return undefined;
    },
    'POST faults/clear': () => {
      faults.clear();
      return undefined;
    },
    'GET requests': () => options.readRequests(),
    'DELETE requests': () => {
      options.clearRequests();
      return undefined;
    },
  };
}

interface ControlAnswer {
  readonly status: number;
  readonly body?: object | undefined;
}

/**
 * Answers a request to the control API. A request that changes something must say that its body is JSON. Another page in
 * the same browser cannot send that without asking first (CORS), and the emulator never answers such a question.
 */
export async function handleControl(
  routes: ControlRoutes,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const isJson = request.headers['content-type']?.startsWith('application/json') === true;
  const answered =
    request.method === 'GET' || isJson
      ? await answer(routes, request).catch(renderRefusal)
      : { status: 415, body: { error: 'Send content-type: application/json' } };
  response.writeHead(answered.status, { 'content-type': 'application/json; charset=utf-8' });
  response.end(answered.body === undefined ? undefined : JSON.stringify(answered.body));
}

async function answer(routes: ControlRoutes, request: IncomingMessage): Promise<ControlAnswer> {
  const { pathname } = new URL(request.url ?? '/', 'http://localhost');
  const operation = `${request.method} ${pathname.slice('/control/'.length)}`;
  const route = routes[operation];
  if (route === undefined) {
    return { status: 404, body: { error: `The control API has no operation ${request.method} ${pathname}` } };
  }
  const sent = await text(request);
  const needsBody = request.method === 'PUT' || request.method === 'PATCH';
  const body = route(needsBody ? parseJson(sent) : undefined);
  return { status: body === undefined ? 204 : 200, body };
}

function parseJson(sent: string): unknown {
  const value: unknown = JSON.parse(sent);
  return value;
}

function renderRefusal(error: unknown): ControlAnswer {
  if (error instanceof z.ZodError) {
    return { status: 400, body: { error: z.prettifyError(error) } };
  }
  if (error instanceof ControlRefused || error instanceof SyntaxError) {
    return { status: 400, body: { error: error.message } };
  }
  throw error;
}
