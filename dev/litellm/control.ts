/** The control API of the LiteLLM emulator: rows, an administrator's edits, settings, fault switches and the record of requests. */
import { z } from 'zod';

import { createFaultRoutes } from '../emulator/control.ts';
import type { ControlRoutes } from '../emulator/control.ts';
import { faultsSchema } from './faults.ts';
import type { Parts } from './handleCall.ts';
import { handEditSchema } from './handEdits.ts';
import { proxyDataSchema } from './proxyData.ts';
import { proxySettingsSchema } from './proxySettings.ts';

const editsSchema = z.strictObject({ edits: z.array(handEditSchema).min(1) });

/** Creates the routes of the control API. */
export function createControlRoutes({ state, settings, faults, requests }: Parts): ControlRoutes {
  return {
    'GET state': () => state.read(),
    'PUT state': (body) => {
      state.replace(proxyDataSchema.parse(body));
      return undefined;
    },
    'PATCH state': (body) => {
      state.edit(...editsSchema.parse(body).edits);
      return undefined;
    },
    'GET settings': () => settings.current,
    'PATCH settings': (body) => {
      settings.change(proxySettingsSchema.parse(body));
      return undefined;
    },
    ...createFaultRoutes({
      faults,
      faultsSchema,
      readRequests: () => ({ requests: requests.all, destructive: requests.destructive }),
      clearRequests: () => requests.clear(),
    }),
  };
}
