/**
 * Runs the emulator of Entra ID and Graph in a process of its own, so that its work is never counted as the product's.
 * Says on one line of its standard output where it is, once it is there; SIGTERM and SIGINT stop it.
 */
import { parseArgs } from 'node:util';

import { loginOf } from './directory.ts';
import type { Emulator } from './emulator.ts';
import { graphBaseUrl } from './emulator.ts';
import type { ReadyLine } from './readyLine.ts';
import { serveEmulator } from './server.ts';
import { openState } from './stateDirectory.ts';

const { values } = parseArgs({
  options: {
    'state-dir': { type: 'string' },
    port: { type: 'string', default: '0' },
    'browser-port': { type: 'string', default: '0' },
    directory: { type: 'string' },
    'public-url': { type: 'string' },
    'redirect-uri': { type: 'string', multiple: true, default: [] },
    'stop-with-stdin': { type: 'boolean', default: false },
  },
});

function renderReady(emulator: Emulator, caFile: string): ReadyLine {
  const directory = emulator.directory();
  const { application } = directory;
  return {
    ready: true,
    url: emulator.origin,
    browserUrl: emulator.browserOrigin,
    graphBaseUrl: graphBaseUrl(emulator),
    caFile,
    clientId: application.clientId,
    clientSecret: emulator.clientSecret,
    tenantId: directory.tenantId,
    servicePrincipalId: application.servicePrincipalId,
    managedIdentityEndpoint: `${emulator.browserOrigin}/msi/token`,
    managedIdentityHeader: emulator.managedIdentityHeader,
    people: directory.people.map((person) => ({
      login: loginOf(person),
      about: person.about ?? person.displayName,
    })),
  };
}

async function run(): Promise<void> {
  // The provider's notices go to standard output otherwise, where the ready line must stand alone.
  console.info = console.warn;
  const stateDir = values['state-dir'];
  if (stateDir === undefined) {
    throw new Error('Say where to keep the state: --state-dir DIR');
  }
  const publicUrl = values['public-url'];
  const state = openState({ stateDir, directoryFile: values.directory, now: new Date() });
  const running = await serveEmulator({
    state,
    port: Number(values.port),
    browserPort: Number(values['browser-port']),
    redirectUris: [
      ...values['redirect-uri'],
      ...(publicUrl === undefined ? [] : [`${publicUrl.replace(/\/$/, '')}/sso/callback`]),
    ],
  });
  const stop = (): void => {
    running.close().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  process.once('SIGTERM', stop).once('SIGINT', stop);
  if (values['stop-with-stdin']) {
    process.stdin.resume().once('end', stop).once('close', stop);
  }
  process.stdout.write(`${JSON.stringify(renderReady(running.emulator, state.caFile))}\n`);
}

run().catch((error: unknown) => {
  process.stderr.write(`identity emulator: ${error instanceof Error ? error.message : 'failed'}\n`);
  process.exit(1);
});
