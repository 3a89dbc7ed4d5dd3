/**
 * X.509 certificates for the loopback, written out in DER: Node can read certificates but not make them, and a fresh
 * machine may lack the `openssl` command. Only what TLS on localhost needs: ECDSA P-256, SHA-256, version 3.
 */
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

const oids = {
  commonName: '2.5.4.3',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
};

const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  sequence: 0x30,
  set: 0x31,
};

const loopbackDnsName = 'localhost';
const loopbackAddresses = [
  { address: Buffer.from([127, 0, 0, 1]), mask: Buffer.alloc(4, 0xff) },
  { address: Buffer.from([...Array.from({ length: 15 }, () => 0), 1]), mask: Buffer.alloc(16, 0xff) },
];

function encode(tag: number, ...contents: readonly Buffer[]): Buffer {
  const body = Buffer.concat(contents);
  if (body.length < 0x80) {
    return Buffer.concat([Buffer.from([tag, body.length]), body]);
  }
  const length = Buffer.from(body.length.toString(16).padStart(body.length > 0xff ? 4 : 2, '0'), 'hex');
  return Buffer.concat([Buffer.from([tag, 0x80 + length.length]), length, body]);
}

const sequence = (...contents: readonly Buffer[]): Buffer => encode(tags.sequence, ...contents);
/** A context tag around whole values (explicit, or a constructed implicit one). */
const tagged = (number: number, ...contents: readonly Buffer[]): Buffer => encode(0xa0 + number, ...contents);
/** A context tag in place of a primitive value's own tag (implicit). */
const taggedPrimitive = (number: number, value: Buffer): Buffer => encode(0x80 + number, value);
const bitString = (bits: Buffer, unusedBits = 0): Buffer =>
  encode(tags.bitString, Buffer.from([unusedBits]), bits);

function encodeOid(oid: string): Buffer {
  const [first = 0, second = 0, ...rest] = oid.split('.').map(Number);
  const bytes = rest.flatMap((arc) => {
    const groups = [arc & 0x7f];
    for (let left = arc >>> 7; left > 0; left >>>= 7) {
      groups.unshift((left & 0x7f) | 0x80);
    }
    return groups;
  });
  return encode(tags.oid, Buffer.from([first * 40 + second, ...bytes]));
}

/** UTCTime, whose two digits of a year reach to 2049. */
const encodeTime = (at: Date): Buffer =>
  encode(tags.utcTime, Buffer.from(`${at.toISOString().replaceAll(/[-:T]/g, '').slice(2, 14)}Z`, 'ascii'));

const encodeName = (commonName: string): Buffer =>
  sequence(
    encode(tags.set, sequence(encodeOid(oids.commonName), encode(tags.utf8String, Buffer.from(commonName)))),
  );

const critical = encode(tags.boolean, Buffer.from([0xff]));

function extension(oid: string, value: Buffer, isCritical = false): Buffer {
  return sequence(encodeOid(oid), ...(isCritical ? [critical] : []), encode(tags.octetString, value));
}

/** SHA-1 over the public key's own bits (RFC 5280, 4.2.1.2): for P-256 the last 65 bytes of the SPKI. */
function keyIdentifier(publicKey: KeyObject): Buffer {
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha1')
    .update(spki.subarray(spki.length - 65))
    .digest();
}

interface CertificateRequest {
  readonly subject: string;
  readonly issuer: string;
  readonly publicKey: KeyObject;
  readonly signingKey: KeyObject;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly extensions: readonly Buffer[];
}

function createCertificatePem(request: CertificateRequest): string {
  const algorithm = sequence(encodeOid(oids.ecdsaWithSha256));
  // The top bit clear and the next one set: a positive integer of full length, as DER wants it.
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  const body = sequence(
    tagged(0, encode(tags.integer, Buffer.from([2]))),
    encode(tags.integer, serial),
    algorithm,
    encodeName(request.issuer),
    sequence(encodeTime(request.notBefore), encodeTime(request.notAfter)),
    encodeName(request.subject),
    request.publicKey.export({ type: 'spki', format: 'der' }),
    tagged(3, sequence(...request.extensions)),
  );
  const certificate = sequence(body, algorithm, bitString(sign('sha256', body, request.signingKey)));
  const lines = certificate.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}

function authorityExtensions(publicKey: KeyObject): Buffer[] {
  const dnsSubtree = sequence(taggedPrimitive(2, Buffer.from(loopbackDnsName, 'ascii')));
  const addressSubtrees = loopbackAddresses.map(({ address, mask }) =>
    sequence(taggedPrimitive(7, Buffer.concat([address, mask]))),
  );
  return [
    extension(oids.basicConstraints, sequence(critical), true),
    // keyCertSign alone
    extension(oids.keyUsage, bitString(Buffer.from([0x04]), 2), true),
    extension(oids.nameConstraints, sequence(tagged(0, dnsSubtree, ...addressSubtrees)), true),
    extension(oids.subjectKeyIdentifier, encode(tags.octetString, keyIdentifier(publicKey))),
  ];
}

function serverExtensions(publicKey: KeyObject, authorityKey: KeyObject): Buffer[] {
  const names = [
    taggedPrimitive(2, Buffer.from(loopbackDnsName, 'ascii')),
    ...loopbackAddresses.map(({ address }) => taggedPrimitive(7, address)),
  ];
  return [
    extension(oids.basicConstraints, sequence(), true),
    // digitalSignature alone
    extension(oids.keyUsage, bitString(Buffer.from([0x80]), 7), true),
    extension(oids.extendedKeyUsage, sequence(encodeOid(oids.serverAuth))),
    extension(oids.subjectAltName, sequence(...names)),
    extension(oids.subjectKeyIdentifier, encode(tags.octetString, keyIdentifier(publicKey))),
    extension(oids.authorityKeyIdentifier, sequence(taggedPrimitive(0, keyIdentifier(authorityKey)))),
  ];
}

export interface LoopbackCertificates {
  /** The authority to trust. */
  readonly caPem: string;
  /** For `localhost`, `127.0.0.1` and `::1`. */
  readonly certificatePem: string;
  /** PKCS #8 */
  readonly keyPem: string;
}

export interface LoopbackCertificatesOptions {
  readonly now: Date;
  readonly validDays: number;
}

/**
 * Creates an authority and one server certificate under it, valid from an hour before `now` for `validDays`.
 * Trusting the authority endangers nothing else: it is limited to loopback names, and its key is gone
 * as soon as this returns, so it can sign nothing more.
 */
export function createLoopbackCertificates(options: LoopbackCertificatesOptions): LoopbackCertificates {
  const authority = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const server = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const issuer = `Local identity emulator ${randomBytes(4).toString('hex')}`;
  const common = {
    issuer,
    signingKey: authority.privateKey,
    notBefore: new Date(options.now.getTime() - 3_600_000),
    notAfter: new Date(options.now.getTime() + options.validDays * 86_400_000),
  };
  return {
    caPem: createCertificatePem({
      ...common,
      subject: issuer,
      publicKey: authority.publicKey,
      extensions: authorityExtensions(authority.publicKey),
    }),
    certificatePem: createCertificatePem({
      ...common,
      subject: loopbackDnsName,
      publicKey: server.publicKey,
      extensions: serverExtensions(server.publicKey, authority.publicKey),
    }),
    keyPem: server.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}
