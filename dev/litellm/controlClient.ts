/** The control interface, typed. */
import { z } from 'zod';

import { createControlCall } from '../stack/createControlCall.ts';
import type { Faults } from './faults.ts';
import { createHandEdits } from './handEdits.ts';
import type { HandEditInput, HandEdits } from './handEdits.ts';
import { proxyDataSchema } from './proxyData.ts';
import type { ProxyData } from './proxyData.ts';

const requestSchema = z.object({
  method: z.string(),
  path: z.string(),
  query: z.record(z.string(), z.string()),
  body: z.unknown().optional(),
  at: z.string(),
  status: z.number(),
  durationMs: z.number(),
  isWrite: z.boolean(),
  isDestructive: z.boolean(),
  warnings: z.array(z.string()),
  changedBy: z.string().optional(),
});

const recordSchema = z.object({ requests: z.array(requestSchema), destructive: z.array(requestSchema) });

export type RequestSummary = z.infer<typeof recordSchema>;

/** The emulator's rows, switches and records, from another process. */
export interface ControlClient extends HandEdits<Promise<void>> {
  readState(): Promise<ProxyData>;
  putState(data: ProxyData): Promise<void>;
  /** Applies all edits, in order, or none. */
  edit(...edits: readonly HandEditInput[]): Promise<void>;
  /** Replaces all switches: what is left out is off. */
  setFaults(faults: Faults): Promise<void>;
  clearFaults(): Promise<void>;
  /** What was asked since the record was cleared, and what of it destroyed keys. */
  readRequests(): Promise<RequestSummary>;
  clearRequests(): Promise<void>;
}

/** Creates a client for the emulator at `url`. Its calls throw where the emulator refuses, with the reason. */
export function createControlClient(url: string): ControlClient {
  const call = createControlCall(url);
  const send = async (method: string, path: string, body?: object): Promise<void> => {
    await call(method, path, body);
  };
  const edit = (...edits: readonly HandEditInput[]): Promise<void> => send('PATCH', 'state', { edits });
  return {
    ...createHandEdits(async (each) => edit(each)),
    edit,
    readState: async () => proxyDataSchema.parse(await call('GET', 'state')),
    putState: (data) => send('PUT', 'state', data),
    setFaults: (faults) => send('PUT', 'faults', faults),
    clearFaults: () => send('POST', 'faults/clear'),
    readRequests: async () => recordSchema.parse(await call('GET', 'requests')),
    clearRequests: () => send('DELETE', 'requests'),
  };
}
