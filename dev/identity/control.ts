/** The control API of the identity emulator: the tenant, the fault switches and the record of requests. */
import { z } from 'zod';

import { createFaultRoutes } from '../emulator/control.ts';
import type { ControlRoutes } from '../emulator/control.ts';
import { DirectoryInvalid, parseDirectory } from './directory.ts';
import { directoryEditSchema, editDirectory } from './directoryEdits.ts';
import type { Emulator } from './emulator.ts';
import { faultsSchema } from './faults.ts';
import { summarizeRequests } from './recordedRequest.ts';

const editsSchema = z.strictObject({ edits: z.array(directoryEditSchema).min(1) });

function replaceDirectory(emulator: Emulator, value: unknown): void {
  const current = emulator.directory();
  const next = parseDirectory(value);
  if (next.tenantId !== current.tenantId || next.application.clientId !== current.application.clientId) {
    throw new DirectoryInvalid('The tenant id and the client id cannot change while the emulator runs.');
  }
  emulator.changeDirectory(next);
}

/** Creates the routes of the control API. */
export function createControlRoutes(emulator: Emulator): ControlRoutes {
  const { faults, record } = emulator;
  return {
    'GET directory': () => emulator.directory(),
    'PUT directory': (body) => {
      replaceDirectory(emulator, body);
      return undefined;
    },
    'PATCH directory': (body) => {
      const { edits } = editsSchema.parse(body);
      emulator.changeDirectory(editDirectory(emulator.directory(), edits));
      return undefined;
    },
    ...createFaultRoutes({
      faults,
      faultsSchema,
      readRequests: () => summarizeRequests(record.all),
      clearRequests: () => record.clear(),
    }),
  };
}
