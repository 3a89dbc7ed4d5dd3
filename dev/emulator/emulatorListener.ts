/** What both emulators do with a request before they look at it. */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';

import { handleControl } from './control.ts';
import type { ControlRoutes } from './control.ts';

export interface EmulatorListenerOptions {
  /** Appears in the error log. */
  readonly name: string;
  readonly control: ControlRoutes;
  /** Answers everything outside the control API. */
  readonly handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>;
}

const ownHost = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/;

/**
 * Creates the listener of an emulator. It refuses requests for other host names with 421, answers `/control/...` itself,
 * and breaks the connection if a handler throws.
 */
export function createEmulatorListener(options: EmulatorListenerOptions): RequestListener {
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    // A web page could point its own host name at this machine (DNS rebinding).
    if (!ownHost.test(request.headers.host ?? '')) {
      response.writeHead(421).end();
    } else if (request.url?.startsWith('/control/') === true) {
      await handleControl(options.control, request, response);
    } else {
      await options.handle(request, response);
    }
  };
  return (request, response) => {
    answer(request, response).catch((error: unknown) => {
      console.error(`${options.name}:`, error);
      response.destroy();
    });
  };
}
