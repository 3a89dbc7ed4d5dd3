import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import { sendEmpty } from './httpAnswer.ts';
import { readHttpInput } from './httpInput.ts';

/** Starts a function outside its trigger; it does not wait for the end. */
export type ManualStart = (input: string) => void;

const bodySchema = z.object({ input: z.string().default('') });

/**
 * Gives the listener for `POST /admin/functions/<name>`, which the Core Tools have too: starts a timer or queue
 * function at once (a queue function with the body's `input` as message) and answers 202; 404 for any other.
 * No key, as in the Core Tools; but a browser's cross-site request is refused (403), since any page could send it.
 */
export function createAdminListener(
  starts: ReadonlyMap<string, ManualStart>,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  return async (request, response) => {
    const name = /^\/admin\/functions\/([^/?]+)\/?(?:\?|$)/i.exec(request.url ?? '')?.[1];
    const start = name === undefined ? undefined : starts.get(decodeURIComponent(name));
    const site = request.headers['sec-fetch-site'];
    if (request.headers.origin !== undefined || (site !== undefined && site !== 'none')) {
      sendEmpty(response, 403);
      return;
    }
    if (start === undefined || request.method !== 'POST') {
      sendEmpty(response, 404);
      return;
    }
    const { body } = await readHttpInput(request, 'http://localhost', {});
    const text = body === undefined ? '{}' : Buffer.from(body.bytes).toString();
    const parsed = bodySchema.safeParse(parseJson(text));
    if (!parsed.success) {
      sendEmpty(response, 400);
      return;
    }
    start(parsed.data.input);
    sendEmpty(response, 202);
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
