import { createServer, request } from 'node:http';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { countWire } from './provisioningWire.ts';

it('counts requests and the bytes of both ways, not what kept sockets carried before', async () => {
  const server = createServer((incoming, outgoing) => {
    incoming.resume();
    outgoing.writeHead(200, { 'Content-Length': 100_000 }).end(Buffer.alloc(100_000));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const post = async (bytes: number): Promise<void> => {
    const sending = request({ port, host: '127.0.0.1', method: 'POST' });
    sending.end(Buffer.alloc(bytes));
    await new Promise<void>((resolve, reject) => {
      sending.once('error', reject);
      sending.once('response', (response) => response.resume().once('end', resolve));
    });
  };
  await post(1_000_000);
  const count = await countWire(async () => {
    await post(2_000);
    await Promise.all([post(3_000), post(5_000)]);
  });
  server.close();
  expect(count.requests).toBe(3);
  expect(count.bytesSent).toBeGreaterThan(10_000);
  expect(count.bytesSent).toBeLessThan(11_500);
  expect(count.bytesReceived).toBeGreaterThan(300_000);
  expect(count.bytesReceived).toBeLessThan(302_000);
});
