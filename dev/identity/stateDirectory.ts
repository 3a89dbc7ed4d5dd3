/** What the emulator keeps between starts: certificates, signing key, secrets, and the tenant with every change to it. */
import { randomBytes, X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { LoopbackCertificates } from './certificates.ts';
import { createLoopbackCertificates } from './certificates.ts';
import type { Directory } from './directory.ts';
import { parseDirectory } from './directory.ts';
import { createSampleDirectory } from './sampleDirectory.ts';
import type { SigningKeys } from './signingKeys.ts';
import { createSigningKeyPem, openSigningKeys } from './signingKeys.ts';

const validDays = 397;
const renewBeforeMs = 7 * 86_400_000;

export interface State {
  readonly caFile: string;
  readonly certificates: LoopbackCertificates;
  readonly signingKeys: SigningKeys;
  readonly clientSecret: string;
  readonly cookieKey: string;
  readonly directory: Directory;
  readonly saveDirectory: (directory: Directory) => void;
}

/** Writes a whole file or none, for nobody else to read. */
function writeWhole(file: string, text: string): void {
  writeFileSync(`${file}.new`, text, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

function readOrCreate(file: string, create: () => string): string {
  if (!existsSync(file)) {
    writeWhole(file, create());
  }
  return readFileSync(file, 'utf8');
}

function readCertificates(stateDir: string, now: Date): LoopbackCertificates {
  const files = {
    caPem: join(stateDir, 'ca.pem'),
    certificatePem: join(stateDir, 'localhost.pem'),
    keyPem: join(stateDir, 'localhost-key.pem'),
  };
  if (Object.values(files).every((file) => existsSync(file))) {
    const certificatePem = readFileSync(files.certificatePem, 'utf8');
    if (new Date(new X509Certificate(certificatePem).validTo).getTime() - renewBeforeMs > now.getTime()) {
      return {
        caPem: readFileSync(files.caPem, 'utf8'),
        certificatePem,
        keyPem: readFileSync(files.keyPem, 'utf8'),
      };
    }
  }
  const created = createLoopbackCertificates({ now, validDays });
  writeWhole(files.keyPem, created.keyPem);
  writeWhole(files.certificatePem, created.certificatePem);
  writeWhole(files.caPem, created.caPem);
  return created;
}

function readDirectory(file: string): Directory {
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return parseDirectory(value);
  } catch (error) {
    throw new Error(
      `The directory in ${file} cannot be read: ${error instanceof Error ? error.message : 'unknown'}`,
      {
        cause: error,
      },
    );
  }
}

export interface OpenStateOptions {
  readonly stateDir: string;
  /** A tenant that takes the place of whatever was kept. */
  readonly directoryFile?: string | undefined;
  readonly now: Date;
}

/**
 * Opens the state in `stateDir`, making what is missing: a new authority, key and secret, the sample tenant.
 * Throws where a file is there but not readable: what a person edited is never replaced silently.
 */
export function openState(options: OpenStateOptions): State {
  const { stateDir } = options;
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  const directoryFile = join(stateDir, 'directory.json');
  const saveDirectory = (directory: Directory): void => {
    writeWhole(directoryFile, `${JSON.stringify(directory, undefined, 1)}\n`);
  };
  if (options.directoryFile !== undefined) {
    saveDirectory(readDirectory(options.directoryFile));
  } else if (!existsSync(directoryFile)) {
    saveDirectory(createSampleDirectory());
  }
  return {
    caFile: join(stateDir, 'ca.pem'),
    certificates: readCertificates(stateDir, options.now),
    signingKeys: openSigningKeys(readOrCreate(join(stateDir, 'signing-key.pem'), createSigningKeyPem)),
    clientSecret: readOrCreate(join(stateDir, 'client-secret'), () => randomBytes(30).toString('base64url')),
    cookieKey: readOrCreate(join(stateDir, 'cookie-key'), () => randomBytes(32).toString('base64url')),
    directory: readDirectory(directoryFile),
    saveDirectory,
  };
}
