/** The control interface: rows, an admin's edits, fault switches and the record of requests, as JSON. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { z } from 'zod';

import { EditRefused } from './applyHandEdit.ts';
import { faultsSchema } from './faults.ts';
import { handEditSchema } from './handEdits.ts';
import { proxyDataSchema } from './proxyData.ts';
import type { Parts } from './server.ts';

const editsSchema = z.strictObject({ edits: z.array(handEditSchema).min(1) });

interface ControlAnswer {
  readonly status: number;
  readonly body?: object;
}

const done: ControlAnswer = { status: 204 };

async function readJson(request: IncomingMessage): Promise<unknown> {
  const value: unknown = JSON.parse(await text(request));
  return value;
}

async function answer(parts: Parts, request: IncomingMessage, operation: string): Promise<ControlAnswer> {
  const { state, faults, requests } = parts;
  switch (operation) {
    case 'GET /control/state':
      return { status: 200, body: state.read() };
    case 'PUT /control/state':
      state.replace(proxyDataSchema.parse(await readJson(request)));
      return done;
    case 'PATCH /control/state':
      state.edit(...editsSchema.parse(await readJson(request)).edits);
      return done;
    case 'GET /control/faults':
      return { status: 200, body: faults.current };
    case 'PUT /control/faults':
      faults.replace(faultsSchema.parse(await readJson(request)));
      return done;
    case 'POST /control/faults/clear':
      faults.clear();
      return done;
    case 'GET /control/requests':
      return { status: 200, body: { requests: requests.all, destructive: requests.destructive } };
    case 'DELETE /control/requests':
      requests.clear();
      return done;
    default:
      return { status: 404, body: { error: `There is no ${operation}` } };
  }
}

function renderRefusal(error: unknown): ControlAnswer {
  if (error instanceof z.ZodError) return { status: 400, body: { error: z.prettifyError(error) } };
  if (error instanceof EditRefused || error instanceof SyntaxError) {
    return { status: 400, body: { error: error.message } };
  }
  throw error;
}

/**
 * Answers a request to the control interface. A body must say that it is JSON: a page in the same browser cannot send that
 * here without asking first, and is never answered.
 */
export async function handleControl(
  parts: Parts,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { pathname } = new URL(request.url ?? '/', 'http://localhost');
  const isRead = request.method === 'GET';
  const isJson = request.headers['content-type']?.startsWith('application/json') === true;
  const answered =
    isRead || isJson
      ? await answer(parts, request, `${request.method} ${pathname}`).catch(renderRefusal)
      : { status: 415, body: { error: 'Send content-type: application/json' } };
  response.writeHead(answered.status, { 'content-type': 'application/json; charset=utf-8' });
  response.end(answered.body === undefined ? undefined : JSON.stringify(answered.body));
}
