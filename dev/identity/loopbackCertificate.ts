/** The TLS certificate of the emulator. Node cannot create certificates, and a fresh machine may lack `openssl`. */
import { generate } from 'selfsigned';

export interface LoopbackCertificate {
  /** Both what the server shows and what a client must trust. */
  readonly certificatePem: string;
  /** PKCS #8 */
  readonly keyPem: string;
}

export interface LoopbackCertificateOptions {
  readonly now: Date;
  readonly validDays: number;
}

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/**
 * Creates a self-signed certificate for `localhost`, `127.0.0.1` and `::1`, valid from an hour before `now` for
 * `validDays`. Trusting it endangers nothing else: it isn't an authority, so it cannot vouch for any other name.
 */
export async function createLoopbackCertificate(
  options: LoopbackCertificateOptions,
): Promise<LoopbackCertificate> {
  const created = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notBeforeDate: new Date(options.now.getTime() - hourMs),
    notAfterDate: new Date(options.now.getTime() + options.validDays * dayMs),
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
          { type: 7, ip: '::1' },
        ],
      },
    ],
  });
  return { certificatePem: created.cert, keyPem: created.private };
}
