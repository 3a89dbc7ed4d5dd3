import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:https';
import { request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createLoopbackCertificates } from '../../../dev/identity/certificates.ts';

const certificates = createLoopbackCertificates({ now: new Date(), validDays: 30 });
const server = createServer(
  { key: certificates.keyPem, cert: certificates.certificatePem },
  (_request, response) => response.end('hello'),
);

function portOf(address: string | AddressInfo | null): number {
  if (address === null || typeof address === 'string') {
    throw new Error('the server has no port');
  }
  return address.port;
}

async function readOver(host: string, ca: string | undefined): Promise<string> {
  const call = request({
    host,
    port: portOf(server.address()),
    ...(ca === undefined ? {} : { ca }),
    agent: false,
  });
  call.end();
  return new Promise((resolve, reject) => {
    call.on('error', reject);
    call.on('response', (response) => {
      response.setEncoding('utf8').on('data', resolve);
    });
  });
}

describe('loopback certificates', () => {
  beforeAll(async () => {
    await once(server.listen(0, '127.0.0.1'), 'listening');
  });
  afterAll(() => {
    server.close();
  });

  it('make a TLS connection that a client accepts who trusts the authority', async () => {
    expect(await readOver('127.0.0.1', certificates.caPem)).toBe('hello');
    expect(await readOver('localhost', certificates.caPem)).toBe('hello');
  });

  it('are refused by a client who does not trust the authority', async () => {
    const other = createLoopbackCertificates({ now: new Date(), validDays: 30 });
    await expect(readOver('localhost', undefined)).rejects.toThrow(/certificate/);
    await expect(readOver('localhost', other.caPem)).rejects.toThrow(/certificate/);
  });

  it('are what they say: an authority limited to loopback, and a server certificate under it', () => {
    const ca = new X509Certificate(certificates.caPem);
    const leaf = new X509Certificate(certificates.certificatePem);
    expect(ca.ca).toBe(true);
    expect(leaf.ca).toBe(false);
    expect(leaf.checkIssued(ca)).toBe(true);
    expect(leaf.verify(ca.publicKey)).toBe(true);
    expect(leaf.checkHost('localhost')).toBe('localhost');
    expect(leaf.checkHost('example.com')).toBeUndefined();
    expect(leaf.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(leaf.checkIP('::1')).toBe('::1');
    expect(new Date(leaf.validTo).getTime() - Date.now()).toBeGreaterThan(29 * 86_400_000);
  });

  it('are different ones every time, so that trusting one machine means nothing on another', () => {
    const other = createLoopbackCertificates({ now: new Date(), validDays: 30 });
    expect(
      new X509Certificate(other.certificatePem).verify(new X509Certificate(certificates.caPem).publicKey),
    ).toBe(false);
  });
});
