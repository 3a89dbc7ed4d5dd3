/** The typed client of the control API. */
import { createControlCall, createFaultControl } from '../emulator/controlCalls.ts';
import type { FaultControl } from '../emulator/controlCalls.ts';
import type { Faults } from './faults.ts';
import { createHandEdits } from './handEdits.ts';
import type { HandEditInput, HandEdits } from './handEdits.ts';
import { proxyDataSchema } from './proxyData.ts';
import type { ProxyData } from './proxyData.ts';
import { proxySettingsSchema } from './proxySettings.ts';
import type { ProxySettings } from './proxySettings.ts';
import { requestSummarySchema } from './recordedRequest.ts';
import type { RequestSummary } from './recordedRequest.ts';

/** The emulator's rows, switches and record, from another process. */
export interface ControlClient extends HandEdits<Promise<void>>, FaultControl<Faults, RequestSummary> {
  readState(): Promise<ProxyData>;
  putState(data: ProxyData): Promise<void>;
  /** Applies all edits in order, or none. */
  edit(...edits: readonly HandEditInput[]): Promise<void>;
  readSettings(): Promise<ProxySettings>;
  /** Changes what is given. A setting that is left out stays. */
  changeSettings(changes: ProxySettings): Promise<void>;
}

/** Creates a client for the emulator at `url`. Its calls throw if the emulator refuses, with the reason. */
export function createControlClient(url: string): ControlClient {
  const call = createControlCall(url);
  const edit: ControlClient['edit'] = async (...edits) => void (await call('PATCH', 'state', { edits }));
  return {
    ...createHandEdits(async (each) => edit(each)),
    ...createFaultControl<Faults, RequestSummary>(call, requestSummarySchema),
    edit,
    readState: async () => proxyDataSchema.parse(await call('GET', 'state')),
    readSettings: async () => proxySettingsSchema.parse(await call('GET', 'settings')),
    changeSettings: async (changes) => void (await call('PATCH', 'settings', changes)),
    putState: async (data) => void (await call('PUT', 'state', data)),
  };
}
