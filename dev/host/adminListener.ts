import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import { sendEmpty } from './httpAnswer.ts';
import { readHttpInput } from './httpInput.ts';

/** Starts a function without its trigger, and does not wait for its end. */
export type ManualStart = (input: string) => void;

const bodySchema = z.object({ input: z.string().default('') });

/**
 * Creates the listener for `POST /admin/functions/<name>`, which the Core Tools have too. It starts a timer or queue
 * function at once and answers 202. A queue function gets the body's `input` as its message. Any other name is a 404.
 * As in the Core Tools, it needs no key. But it refuses (403) requests from web pages, since any page could send one.
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
    const { body } = await readHttpInput(request, {});
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
