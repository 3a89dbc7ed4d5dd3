/** What the emulator keeps between starts: certificate, signing key, secrets, and the tenant with every change to it. */
import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import {
  readJsonState,
  readOrCreateState,
  readState,
  writeJsonState,
  writeStateFile,
} from '../emulator/stateFile.ts';
import { CommandError } from '../../terminal/commandError.ts';
import type { Directory } from './directory.ts';
import { parseDirectory } from './directory.ts';
import type { LoopbackCertificate } from './loopbackCertificate.ts';
import { createLoopbackCertificate } from './loopbackCertificate.ts';
import { createSampleDirectory } from './sampleDirectory.ts';
import type { SigningKeys } from './signingKeys.ts';
import { createSigningKeyPem, openSigningKeys } from './signingKeys.ts';

const validDays = 397;
const renewBeforeMs = 7 * 86_400_000;

export interface IdentityState {
  /** The file with the certificate, for clients that must trust it. */
  readonly certificateFile: string;
  readonly certificate: LoopbackCertificate;
  readonly signingKeys: SigningKeys;
  readonly clientSecret: string;
  readonly cookieKey: string;
  readonly directory: Directory;
  readonly saveDirectory: (directory: Directory) => void;
}

export interface OpenIdentityStateOptions {
  readonly stateDir: string;
  /** A tenant that replaces the kept one. */
  readonly directoryFile?: string | undefined;
  readonly now: Date;
}

/**
 * Opens the state in `stateDir` and creates what is missing: certificate, key, secrets, the sample tenant. Throws for a
 * file that cannot be read.
 */
export async function openIdentityState(options: OpenIdentityStateOptions): Promise<IdentityState> {
  const inStateDir = (name: string): string => join(options.stateDir, name);
  const directoryFile = inStateDir('directory.json');
  const saveDirectory = (directory: Directory): void => writeJsonState(directoryFile, directory);
  const { directoryFile: given } = options;
  const kept = given === undefined ? readJsonState(directoryFile, parseDirectory) : undefined;
  const directory = kept ?? (given === undefined ? createSampleDirectory() : readGivenDirectory(given));
  if (kept === undefined) {
    saveDirectory(directory);
  }
  const certificateFile = inStateDir('certificate.pem');
  return {
    certificateFile,
    certificate: await openCertificate(certificateFile, inStateDir('certificate-key.pem'), options.now),
    signingKeys: readOrCreateState(inStateDir('signing-key.pem'), createSigningKeyPem, openSigningKeys),
    clientSecret: readOrCreateSecret(inStateDir('client-secret'), 30),
    cookieKey: readOrCreateSecret(inStateDir('cookie-key'), 32),
    directory,
    saveDirectory,
  };
}

/** Reads a secret, or creates one of so many random bytes. A shorter one is a file that was cut off. */
function readOrCreateSecret(file: string, byteCount: number): string {
  const create = (): string => randomBytes(byteCount).toString('base64url');
  return readOrCreateState(file, create, (text) => {
    if (Buffer.from(text, 'base64url').length < byteCount) throw new Error('it is too short');
    return text;
  });
}

/** Reads the file of `--directory`. Throws a CommandError that names the file and its faults. */
export function readGivenDirectory(file: string): Directory {
  const directory = readJsonState(file, parseDirectory);
  if (directory === undefined) {
    throw new CommandError(`The file ${file} does not exist.`);
  }
  return directory;
}

function requireKeyOf(certificate: X509Certificate, pem: string): string {
  if (!certificate.checkPrivateKey(createPrivateKey(pem)))
    throw new Error('it is not the key of the certificate');
  return pem;
}

async function openCertificate(
  certificateFile: string,
  keyFile: string,
  now: Date,
): Promise<LoopbackCertificate> {
  if (existsSync(certificateFile) && existsSync(keyFile)) {
    const [certificatePem, certificate] = readState(
      certificateFile,
      (pem) => [pem, new X509Certificate(pem)] as const,
    );
    const validToMs = new Date(certificate.validTo).getTime();
    if (validToMs - renewBeforeMs > now.getTime()) {
      return { certificatePem, keyPem: readState(keyFile, (pem) => requireKeyOf(certificate, pem)) };
    }
  }
  const created = await createLoopbackCertificate({ now, validDays });
  writeStateFile(keyFile, created.keyPem);
  writeStateFile(certificateFile, created.certificatePem);
  return created;
}
