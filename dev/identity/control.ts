/** The control interface: the tenant, the fault switches and the record of requests, as JSON. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { z } from 'zod';

import { DirectoryInvalid, parseDirectory } from './directory.ts';
import type { Directory } from './directory.ts';
import { directoryEditSchema, editDirectory } from './directoryEdits.ts';
import type { Emulator } from './emulator.ts';
import { faultsSchema } from './faults.ts';

const editsSchema = z.strictObject({ edits: z.array(directoryEditSchema).min(1) });

interface ControlAnswer {
  readonly status: number;
  readonly body?: object;
}

const done: ControlAnswer = { status: 204 };

function replaceDirectory(emulator: Emulator, value: unknown): ControlAnswer {
  const current = emulator.directory();
  const next: Directory = parseDirectory(value);
  if (next.tenantId !== current.tenantId || next.application.clientId !== current.application.clientId) {
    throw new DirectoryInvalid('the tenant id and the client id stay what they were at start');
  }
  emulator.changeDirectory(next);
  return done;
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const value: unknown = JSON.parse(await text(request));
  return value;
}

async function answer(
  emulator: Emulator,
  request: IncomingMessage,
  operation: string,
): Promise<ControlAnswer> {
  switch (operation) {
    case 'GET /control/directory':
      return { status: 200, body: emulator.directory() };
    case 'PUT /control/directory':
      return replaceDirectory(emulator, await readJson(request));
    case 'PATCH /control/directory': {
      const { edits } = editsSchema.parse(await readJson(request));
      emulator.changeDirectory(editDirectory(emulator.directory(), edits));
      return done;
    }
    case 'GET /control/faults':
      return { status: 200, body: emulator.faults.current };
    case 'PUT /control/faults':
      emulator.faults.replace(faultsSchema.parse(await readJson(request)));
      return done;
    case 'POST /control/faults/clear':
      emulator.faults.replace({});
      return done;
    case 'GET /control/requests':
      return { status: 200, body: emulator.record.summary() };
    case 'DELETE /control/requests':
      emulator.record.clear();
      return done;
    default:
      return { status: 404, body: { error: `There is no ${operation}` } };
  }
}

function renderRefusal(error: unknown): ControlAnswer {
  if (error instanceof z.ZodError) {
    return { status: 400, body: { error: z.prettifyError(error) } };
  }
  if (error instanceof DirectoryInvalid || error instanceof SyntaxError) {
    return { status: 400, body: { error: error.message } };
  }
  throw error;
}

/**
 * Answers a request to the control interface. A body must say that it is JSON: a page in the same browser cannot send that
 * here without asking first, and is never answered.
 */
export async function handleControl(
  emulator: Emulator,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { pathname } = new URL(request.url ?? '/', emulator.browserOrigin);
  const isRead = request.method === 'GET';
  const isJson = request.headers['content-type']?.startsWith('application/json') === true;
  const answered =
    isRead || isJson
      ? await answer(emulator, request, `${request.method} ${pathname}`).catch(renderRefusal)
      : { status: 415, body: { error: 'Send content-type: application/json' } };
  response.writeHead(answered.status, { 'content-type': 'application/json; charset=utf-8' });
  response.end(answered.body === undefined ? undefined : JSON.stringify(answered.body));
}
