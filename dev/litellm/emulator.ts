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
import type { Profile } from './profile.ts';
import { createEmptyData, proxyDataSchema } from './proxyData.ts';
import { ProxyStore } from './proxyStore.ts';
import type { LitellmState } from './litellmState.ts';
import { LitellmRequestRecord } from './recordedRequest.ts';

export interface LitellmEmulatorOptions {
  /** Default `newer`. */
  readonly profile?: Profile;
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
  readonly profile: Profile;
  readonly state: LitellmState;
  readonly requests: LitellmRequestRecord;
  readonly faults: LitellmFaultSwitches;
  /** Stops it and breaks every connection. Calling it again changes nothing. */
  stop(this: void): Promise<void>;
}

const keptStateSchema = z.object({ masterKey: z.string(), data: proxyDataSchema });

/** Starts the emulator and resolves once it is ready. Rejects for a port in use or a state file that cannot be read. */
export async function startLitellmEmulator(options: LitellmEmulatorOptions = {}): Promise<LitellmEmulator> {
  const { profile = 'newer', stateFile } = options;
  const kept =
    stateFile === undefined ? undefined : readJsonState(stateFile, (value) => keptStateSchema.parse(value));
  const masterKey = options.masterKey ?? kept?.masterKey ?? `sk-${randomBytes(24).toString('base64url')}`;
  const store = new ProxyStore(kept?.data ?? createEmptyData(new Date().toISOString()));
  const save = (): void => {
    if (stateFile !== undefined) writeJsonState(stateFile, { masterKey, data: store.read() });
  };
  save();
  const faults = new LitellmFaultSwitches({}, () => handler.endSilence());
  const requests = new LitellmRequestRecord();
  const state = createLitellmState(store, save);
  const parts = { profile, masterKey, store, state, faults, requests, save };
  const handler = createCallHandler(parts);
  const server = await listenOnLoopback(options.port ?? 0);
  server.serve(
    createEmulatorListener({
      name: 'LiteLLM emulator',
      control: createControlRoutes(parts),
      handle: handler.handle,
    }),
  );
  const url = `http://127.0.0.1:${server.port}`;
  return { url, masterKey, profile, state, requests, faults, stop: () => server.close() };
}
