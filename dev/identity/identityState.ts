/** What the emulator keeps between starts: certificate, signing key, secrets, and the tenant with every change to it. */
import { randomBytes, X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { readJsonState, readOrCreateState, writeJsonState, writeStateFile } from '../emulator/stateFile.ts';
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
    signingKeys: openSigningKeys(readOrCreateState(inStateDir('signing-key.pem'), createSigningKeyPem)),
    clientSecret: readOrCreateState(inStateDir('client-secret'), () => randomBytes(30).toString('base64url')),
    cookieKey: readOrCreateState(inStateDir('cookie-key'), () => randomBytes(32).toString('base64url')),
    directory,
    saveDirectory,
  };
}

function readGivenDirectory(file: string): Directory {
  const directory = readJsonState(file, parseDirectory);
  if (directory === undefined) {
    throw new Error(`The file ${file} does not exist.`);
  }
  return directory;
}

async function openCertificate(
  certificateFile: string,
  keyFile: string,
  now: Date,
): Promise<LoopbackCertificate> {
  if (existsSync(certificateFile) && existsSync(keyFile)) {
    const certificatePem = readFileSync(certificateFile, 'utf8');
    const validToMs = new Date(new X509Certificate(certificatePem).validTo).getTime();
    if (validToMs - renewBeforeMs > now.getTime()) {
      return { certificatePem, keyPem: readFileSync(keyFile, 'utf8') };
    }
  }
  const created = await createLoopbackCertificate({ now, validDays });
  writeStateFile(keyFile, created.keyPem);
  writeStateFile(certificateFile, created.certificatePem);
  return created;
}
