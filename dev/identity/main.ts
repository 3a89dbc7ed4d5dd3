/** The process of the identity emulator: `node dev/identity/main.ts --state-dir DIR [--port N] [--directory FILE] …` */
import { parseArgs } from 'node:util';

import { runService } from '../emulator/runService.ts';
import { loginOf } from './directory.ts';
import type { Emulator } from './emulator.ts';
import { graphBaseUrl } from './emulator.ts';
import { openIdentityState } from './identityState.ts';
import type { ReadyLine } from './readyLine.ts';
import { managedIdentityPath, serveEmulator } from './server.ts';

const { values } = parseArgs({
  options: {
    'state-dir': { type: 'string' },
    port: { type: 'string', default: '0' },
    'browser-port': { type: 'string', default: '0' },
    directory: { type: 'string' },
    'redirect-uri': { type: 'string', multiple: true, default: [] },
  },
});

function renderReady(emulator: Emulator, caFile: string): ReadyLine {
  const { application, tenantId, people } = emulator.directory();
  return {
    ready: true,
    url: emulator.origin,
    browserUrl: emulator.browserOrigin,
    graphBaseUrl: graphBaseUrl(emulator),
    caFile,
    clientId: application.clientId,
    clientSecret: emulator.clientSecret,
    tenantId,
    servicePrincipalId: application.servicePrincipalId,
    managedIdentityEndpoint: `${emulator.browserOrigin}${managedIdentityPath}`,
    managedIdentityHeader: emulator.managedIdentityHeader,
    people: people.map((person) => ({ login: loginOf(person), about: person.about ?? person.displayName })),
  };
}

await runService({
  name: 'identity emulator',
  start: async () => {
    // The provider writes notices to standard output, where the parent expects only the ready line.
    console.info = console.warn;
    const stateDir = values['state-dir'];
    if (stateDir === undefined) {
      throw new Error('Say where to keep the state: --state-dir DIR');
    }
    const state = await openIdentityState({ stateDir, directoryFile: values.directory, now: new Date() });
    const running = await serveEmulator({
      state,
      port: Number(values.port),
      browserPort: Number(values['browser-port']),
      redirectUris: values['redirect-uri'],
    });
    return { ready: renderReady(running.emulator, state.certificateFile), stop: () => running.close() };
  },
});
