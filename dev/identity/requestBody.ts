/** Handing a request on after its body was read. */
import { IncomingMessage } from 'node:http';

/** Creates the same request with another body: what comes after it reads it as if nobody had before. */
export function withBody(request: IncomingMessage, body: string): IncomingMessage {
  const copy = new IncomingMessage(request.socket);
  copy.method = request.method;
  copy.url = request.url;
  copy.httpVersion = request.httpVersion;
  copy.headers = { ...request.headers, 'content-length': String(Buffer.byteLength(body)) };
  copy.complete = true;
  copy.push(body);
  copy.push(null);
  return copy;
}
