import { once } from 'node:events';
import { createServer } from 'node:http';

const ANSWER = `<?xml version="1.0" encoding="utf-8"?><QueueMessagesList><QueueMessage><MessageId>5974b586-0df3-4e2d-ad0c-18e3892bfca2</MessageId><InsertionTime>Mon, 23 Nov 2026 09:00:00 GMT</InsertionTime><ExpirationTime>Fri, 31 Dec 9999 23:59:59 GMT</ExpirationTime><PopReceipt>AgAAAAMAAAAAAAAA</PopReceipt><TimeNextVisible>Mon, 23 Nov 2026 09:00:00 GMT</TimeNextVisible></QueueMessage></QueueMessagesList>`;

export interface ForgetfulQueue {
  /** The queue endpoint of a connection string. */
  readonly url: string;
  close(this: void): void;
}

/** Starts a queue that takes every message and forgets it: 50,000 of them would slow Azurite, which is not what is measured. */
export async function startForgetfulQueue(): Promise<ForgetfulQueue> {
  const server = createServer((request, response) => {
    request.resume().once('end', () => {
      response.writeHead(201, { 'Content-Type': 'application/xml' }).end(ANSWER);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('The queue listens nowhere');
  return {
    url: `http://127.0.0.1:${address.port}/devstoreaccount1`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
