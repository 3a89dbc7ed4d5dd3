/** Calls to an emulator's control API from another process. */
import type { z } from 'zod';

/** Sends one call and returns its JSON answer, or `undefined` for an empty one. */
export type ControlCall = (method: string, path: string, body?: object) => Promise<unknown>;

/** The part of the control API that both emulators have. */
export interface FaultControl<Faults, Summary> {
  /** Replaces all switches. A switch that is left out is off. */
  setFaults(faults: Faults): Promise<void>;
  clearFaults(): Promise<void>;
  /** Returns the requests since the record was last cleared. */
  readRequests(): Promise<Summary>;
  clearRequests(): Promise<void>;
}

/** Creates the calls to the emulator at `url`. A call throws if the emulator refuses, with its reason. */
export function createControlCall(url: string): ControlCall {
  return async (method, path, body) => {
    const response = await fetch(`${url}/control/${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answer = await response.text();
    if (!response.ok) {
      throw new Error(`${method} /control/${path} was refused (${response.status}): ${answer}`);
    }
    const value: unknown = answer === '' ? undefined : JSON.parse(answer);
    return value;
  };
}

/** Creates the calls about faults and requests. `summarySchema` parses what `GET requests` answers. */
export function createFaultControl<Faults extends object, Summary>(
  call: ControlCall,
  summarySchema: z.ZodType<Summary>,
): FaultControl<Faults, Summary> {
  return {
    setFaults: async (faults) => void (await call('PUT', 'faults', faults)),
    clearFaults: async () => void (await call('POST', 'faults/clear')),
    readRequests: async () => summarySchema.parse(await call('GET', 'requests')),
    clearRequests: async () => void (await call('DELETE', 'requests')),
  };
}
