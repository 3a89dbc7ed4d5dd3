/** The ingestion endpoint of an Application Insights resource on loopback, over TLS as its exporter insists. */
import { createServer } from 'node:https';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { createLoopbackCertificate } from '../../dev/identity/loopbackCertificate.ts';

const envelopeSchema = z.object({
  name: z.string(),
  tags: z.record(z.string(), z.string()),
  data: z.object({
    baseType: z.string(),
    baseData: z.looseObject({
      name: z.string().optional(),
      type: z.string().optional(),
      target: z.string().optional(),
      resultCode: z.string().optional(),
      success: z.boolean().optional(),
      properties: z.record(z.string(), z.string()).optional(),
      metrics: z.array(z.looseObject({ name: z.string(), value: z.number() })).optional(),
    }),
  }),
});

export type Envelope = z.infer<typeof envelopeSchema>;

export interface IngestionDouble {
  /** As the portal shows it. */
  readonly connectionString: string;
  readonly caPem: string;
  envelopes(this: void): readonly Envelope[];
  /** `Authorization` of each request. */
  authorizations(this: void): readonly string[];
  /** Path of each request. */
  paths(this: void): readonly string[];
  answerWith(this: void, status: number): void;
  close(this: void): Promise<void>;
}

/** Starts one on a free port. The caller closes it. */
export async function startIngestionDouble(): Promise<IngestionDouble> {
  const certificate = await createLoopbackCertificate({ now: new Date(), validDays: 1 });
  const envelopes: Envelope[] = [];
  const authorizations: string[] = [];
  const paths: string[] = [];
  let status = 200;
  const server = createServer(
    { key: certificate.keyPem, cert: certificate.certificatePem },
    (request, response) => {
      void (async () => {
        const body = z.array(envelopeSchema).parse(JSON.parse(await text(request)));
        paths.push(request.url ?? '');
        authorizations.push(request.headers.authorization ?? '');
        if (status === 200) envelopes.push(...body);
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ itemsReceived: body.length, itemsAccepted: body.length, errors: [] }));
      })();
    },
  );
  await new Promise<void>((resolve) => {
    server.listen(0, 'localhost', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the ingestion has no port');
  const url = `https://localhost:${address.port}/`;
  return {
    connectionString: `InstrumentationKey=77777777-8888-4999-8000-111111111ABC;IngestionEndpoint=${url};LiveEndpoint=${url};ApplicationId=88888888-8888-4999-8000-111111111111`,
    caPem: certificate.certificatePem,
    envelopes: () => envelopes,
    authorizations: () => authorizations,
    paths: () => paths,
    answerWith: (next) => {
      status = next;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}
