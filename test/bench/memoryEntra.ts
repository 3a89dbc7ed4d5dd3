/**
 * Entra's token and key endpoints on loopback, for sign-ins by the ten thousand. It keeps nothing of a sign-in: its codes hold
 * what Entra would remember.
 */
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { createLoopbackCertificate } from '../../dev/identity/loopbackCertificate.ts';
import { createEntraDouble, type EntraDouble } from '../support/entraDouble.ts';
import { TENANT_ID } from '../support/signInDoubles.ts';
import { readCode } from './memoryPlan.ts';

export interface MemoryEntra {
  /** `https://localhost:PORT` */
  readonly url: string;
  /** The authority to trust, as PEM. */
  readonly caFile: string;
  close(this: void): void;
}

/** Starts it in this process; what it must be trusted by goes into `dir`. The caller closes it. */
export async function startMemoryEntra(dir: string): Promise<MemoryEntra> {
  const now = (): Date => new Date();
  const entra = await createEntraDouble({ now });
  const { certificatePem, keyPem } = await createLoopbackCertificate({ now: now(), validDays: 1 });
  const caFile = join(dir, 'entra.pem');
  await writeFile(caFile, certificatePem);
  let url = '';
  const server = createServer({ cert: certificatePem, key: keyPem }, (request, response) => {
    answer({ entra, url, request, response }).catch((error: unknown) => {
      response.writeHead(500).end(String(error));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('Entra listens nowhere');
  url = `https://localhost:${address.port}`;
  return {
    url,
    caFile,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

interface Asked {
  readonly entra: EntraDouble;
  readonly url: string;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

async function answer({ entra, url, request, response }: Asked): Promise<void> {
  const form = new URLSearchParams(await text(request));
  const code = form.get('code');
  if (code !== null) {
    const { authorizeUrl, claims } = readCode(code);
    form.set(
      'code',
      entra.authorize(authorizeUrl, { claims: { ...claims, iss: `${url}/${TENANT_ID}/v2.0` } }),
    );
  }
  const answered = await entra.fetch(`${url}${request.url ?? ''}`, {
    method: request.method ?? 'GET',
    body: form.toString(),
  });
  // It remembers every request for tests to look at.
  entra.requests.length = 0;
  entra.forms.length = 0;
  response.writeHead(answered.status, Object.fromEntries(answered.headers)).end(await answered.text());
}
