import { X509Certificate } from 'node:crypto';
import { request } from 'node:https';
import { afterAll, describe, expect, it } from 'vitest';

import { listenOnLoopback } from '../../../dev/emulator/loopbackServer.ts';
import { createLoopbackCertificate } from '../../../dev/identity/loopbackCertificate.ts';

const { certificatePem, keyPem } = await createLoopbackCertificate({ now: new Date(), validDays: 30 });
const other = await createLoopbackCertificate({ now: new Date(), validDays: 30 });
const server = await listenOnLoopback(0, { key: keyPem, cert: certificatePem });
server.serve((_request, response) => response.end('hello'));
afterAll(() => server.close());

async function readOver(host: string, ca: string | undefined): Promise<string> {
  const call = request({ host, port: server.port, ...(ca === undefined ? {} : { ca }), agent: false });
  call.end();
  return new Promise((resolve, reject) => {
    call.on('error', reject);
    call.on('response', (response) => {
      response.setEncoding('utf8').on('data', resolve);
    });
  });
}

describe('a loopback certificate', () => {
  it('makes a TLS connection that a client accepts if it trusts the certificate', async () => {
    expect(await readOver('127.0.0.1', certificatePem)).toBe('hello');
    expect(await readOver('localhost', certificatePem)).toBe('hello');
  });

  it('is refused by a client that trusts no certificate, or the one of another machine', async () => {
    await expect(readOver('localhost', undefined)).rejects.toThrow(/certificate/);
    await expect(readOver('localhost', other.certificatePem)).rejects.toThrow(/certificate/);
  });

  it('names only loopback addresses, and cannot vouch for any other certificate', () => {
    const certificate = new X509Certificate(certificatePem);
    expect(certificate.ca).toBe(false);
    expect(certificate.subjectAltName?.split(', ')).toHaveLength(3);
    expect(certificate.checkHost('localhost')).toBe('localhost');
    expect(certificate.checkHost('example.com')).toBeUndefined();
    expect(certificate.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(certificate.checkIP('::1')).toBe('::1');
    expect(new Date(certificate.validTo).getTime() - Date.now()).toBeGreaterThan(29 * 86_400_000);
    expect(new X509Certificate(other.certificatePem).verify(certificate.publicKey)).toBe(false);
  });
});
