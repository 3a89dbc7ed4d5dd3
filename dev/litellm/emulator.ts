/** An emulator of LiteLLM's management API, in this process: for tests; `main.ts` runs it in its own. */
import { randomBytes } from 'node:crypto';

import { FaultSwitches } from './faults.ts';
import { createLitellmState } from './litellmState.ts';
import type { LitellmState } from './litellmState.ts';
import type { Profile } from './profile.ts';
import { createEmptyData } from './proxyData.ts';
import { ProxyStore } from './proxyStore.ts';
import { RequestRecord } from './requestRecord.ts';
import { serve } from './server.ts';
import type { RunningServer } from './server.ts';
import { readStateFile, writeStateFile } from './stateFile.ts';

export interface LitellmEmulatorOptions {
  /** Default `newer`. */
  readonly profile?: Profile;
  /** Default: the one in the state file, else a random one. */
  readonly masterKey?: string;
  /** 0, the default: any free one. */
  readonly port?: number;
  /** Where rows and the master key are kept after each change; left out: only in memory. */
  readonly stateFile?: string;
}

export interface LitellmEmulator {
  /** `http://127.0.0.1:<port>`, without a slash at the end: LiteLLM's base URL, a page for people and the control interface. */
  readonly url: string;
  readonly masterKey: string;
  readonly profile: Profile;
  readonly state: LitellmState;
  readonly requests: RequestRecord;
  readonly faults: FaultSwitches;
  /** Ends it, and every connection; calling it again changes nothing. */
  stop(): Promise<void>;
}

/** Starts the emulator on the loopback, ready when this resolves. Rejects for a port in use or a state file that cannot be read. */
export async function startLitellmEmulator(options: LitellmEmulatorOptions = {}): Promise<LitellmEmulator> {
  const { profile = 'newer', stateFile } = options;
  const kept = stateFile === undefined ? undefined : readStateFile(stateFile);
  const masterKey = options.masterKey ?? kept?.masterKey ?? `sk-${randomBytes(24).toString('base64url')}`;
  const store = new ProxyStore(kept?.data ?? createEmptyData(new Date().toISOString()));
  const save = (): void => {
    if (stateFile !== undefined) writeStateFile(stateFile, { masterKey, data: store.read() });
  };
  save();
  let running: RunningServer | undefined;
  const faults = new FaultSwitches(() => running?.endSilence());
  const requests = new RequestRecord();
  const state = createLitellmState(store, save);
  const server = await serve({ profile, masterKey, store, state, faults, requests, save }, options.port ?? 0);
  running = server;
  const { url } = server;
  return { url, masterKey, profile, state, requests, faults, stop: async () => server.close() };
}
