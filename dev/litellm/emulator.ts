/** An emulator of LiteLLM's management API, in this process: for tests. `main.ts` runs it in a process of its own. */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';

import { createEmulatorListener } from '../emulator/emulatorListener.ts';
import { listenOnLoopback } from '../emulator/loopbackServer.ts';
import { readJsonState, writeJsonState } from '../emulator/stateFile.ts';
import { createControlRoutes } from './control.ts';
import { LitellmFaultSwitches } from './faults.ts';
import { createCallHandler } from './handleCall.ts';
import { createLitellmState } from './litellmState.ts';
import { createEmptyData, proxyDataSchema } from './proxyData.ts';
import { SettingsSwitch } from './proxySettings.ts';
import type { ProxySettings } from './proxySettings.ts';
import { ProxyStore } from './proxyStore.ts';
import type { LitellmState } from './litellmState.ts';
import { LitellmRequestRecord } from './recordedRequest.ts';
import { defaultVersion } from './versions.ts';
import type { Version } from './versions.ts';

export interface LitellmEmulatorOptions extends ProxySettings {
  /** Default: the newest that has organizations without a licence. */
  readonly version?: Version;
  /** Default: the one in the state file, else a random one. */
  readonly masterKey?: string | undefined;
  /** 0, the default, takes any free port. */
  readonly port?: number;
  /** Where rows and the master key are kept after each change. Left out: in memory only. */
  readonly stateFile?: string | undefined;
}

export interface LitellmEmulator {
  /** `http://127.0.0.1:<port>`, without a slash at the end: LiteLLM's base URL, a page for people, and the control API. */
  readonly url: string;
  readonly masterKey: string;
  readonly version: Version;
  readonly settings: SettingsSwitch;
  readonly state: LitellmState;
  readonly requests: LitellmRequestRecord;
  readonly faults: LitellmFaultSwitches;
  /** Stops it and breaks every connection. Calling it again changes nothing. */
  stop(this: void): Promise<void>;
}

const keptStateSchema = z.object({ masterKey: z.string(), data: proxyDataSchema });

/** Starts the emulator and resolves once it is ready. Rejects for a port in use or a state file that cannot be read. */
export async function startLitellmEmulator(options: LitellmEmulatorOptions = {}): Promise<LitellmEmulator> {
  const { version = defaultVersion, masterKey: givenKey, port = 0, stateFile, ...given } = options;
  const kept =
    stateFile === undefined ? undefined : readJsonState(stateFile, (value) => keptStateSchema.parse(value));
  const masterKey = givenKey ?? kept?.masterKey ?? `sk-${randomBytes(24).toString('base64url')}`;
  const store = new ProxyStore(kept?.data ?? createEmptyData());
  const save = (): void => {
    if (stateFile !== undefined) writeJsonState(stateFile, { masterKey, data: store.read() });
  };
  save();
  const faults = new LitellmFaultSwitches({}, () => handler.endSilence());
  const requests = new LitellmRequestRecord();
  const state = createLitellmState(store, save);
  const settings = new SettingsSwitch(given);
  const parts = { version, settings, masterKey, store, state, faults, requests, save };
  const handler = createCallHandler(parts);
  const server = await listenOnLoopback(port);
  server.serve(
    createEmulatorListener({
      name: 'LiteLLM emulator',
      control: createControlRoutes(parts),
      handle: handler.handle,
    }),
  );
  const url = `http://127.0.0.1:${server.port}`;
  return { url, masterKey, version, settings, state, requests, faults, stop: () => server.close() };
}
