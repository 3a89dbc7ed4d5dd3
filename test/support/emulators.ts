/** Starts the emulators of storage and of Microsoft together, each in its own process, for tests and benchmarks. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { createStorage } from '../../dev/stack/createStorage.ts';
import type { DirectoryInput } from '../../dev/identity/directory.ts';
import type { ReadyLine } from '../../dev/identity/readyLine.ts';
import { startAzurite } from '../../dev/stack/azurite.ts';
import { startIdentityProcess } from '../../dev/identity/identityProcess.ts';

export interface Emulators {
  /** The connection string of an Azurite in memory that has the product's tables and queues. */
  readonly connectionString: string;
  readonly identity: ReadyLine;
  stop(this: void): Promise<void>;
}

/**
 * Starts both emulators. The identity emulator has this tenant, and this process trusts its certificate until the emulators stop.
 * The caller stops them. Throws if one of them does not start.
 */
export async function startEmulators(directory: DirectoryInput): Promise<Emulators> {
  const stateDir = await mkdtemp(join(tmpdir(), 'emulators-'));
  const directoryFile = join(stateDir, 'tenant.json');
  await writeFile(directoryFile, JSON.stringify(directory));
  const azurite = await startAzurite();
  const identity = await startIdentityProcess({ stateDir, directoryFile });
  await createStorage(azurite.connectionString);
  const trusted = getCACertificates('default');
  setDefaultCACertificates([...trusted, await readFile(identity.caFile, 'utf8')]);
  return {
    connectionString: azurite.connectionString,
    identity: identity.ready,
    async stop() {
      setDefaultCACertificates(trusted);
      await Promise.all([azurite.stop(), identity.stop()]);
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}
