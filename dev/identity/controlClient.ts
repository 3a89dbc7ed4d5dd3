/** The control interface, typed. */
import { z } from 'zod';

import type { Directory, DirectoryInput } from './directory.ts';
import { parseDirectory } from './directory.ts';
import type { DirectoryEdit } from './directoryEdits.ts';
import { createControlCall } from '../stack/createControlCall.ts';
import type { FaultsInput } from './faults.ts';
import { requestKinds } from './requestRecord.ts';

const summarySchema = z.object({
  requests: z.array(
    z.object({
      kind: z.enum(requestKinds),
      method: z.string(),
      path: z.string(),
      at: z.string(),
      grantType: z.string().optional(),
      tokenKind: z.enum(['none', 'invalid', 'delegated', 'application']).optional(),
      status: z.number(),
      durationMs: z.number(),
    }),
  ),
  counts: z.record(z.enum(requestKinds), z.number()),
});

export type RequestSummary = z.infer<typeof summarySchema>;

/** The emulator's switches and records, from another process. People are named by object id or login. */
export interface ControlClient {
  readDirectory(): Promise<Directory>;
  /** Replaces the whole tenant. */
  putDirectory(directory: DirectoryInput): Promise<void>;
  /** Applies all edits, in order, or none. */
  editDirectory(...edits: readonly DirectoryEdit[]): Promise<void>;
  addToGroup(person: string, group: string): Promise<void>;
  removeFromGroup(person: string, group: string): Promise<void>;
  assignGroup(group: string): Promise<void>;
  unassignGroup(group: string): Promise<void>;
  /** Replaces all switches: what is left out is off. */
  setFaults(faults: FaultsInput): Promise<void>;
  clearFaults(): Promise<void>;
  /** What was asked since the record was cleared, and how many of each kind. */
  readRequests(): Promise<RequestSummary>;
  clearRequests(): Promise<void>;
}

/** Creates a client for the emulator at `browserUrl`. Its calls throw where the emulator refuses, with the reason. */
export function createControlClient(browserUrl: string): ControlClient {
  const call = createControlCall(browserUrl);
  const editDirectory: ControlClient['editDirectory'] = async (...edits) => {
    await call('PATCH', 'directory', { edits });
  };
  return {
    readDirectory: async () => parseDirectory(await call('GET', 'directory')),
    putDirectory: async (directory) => {
      await call('PUT', 'directory', directory);
    },
    editDirectory,
    addToGroup: (person, group) => editDirectory({ edit: 'addToGroup', person, group }),
    removeFromGroup: (person, group) => editDirectory({ edit: 'removeFromGroup', person, group }),
    assignGroup: (group) => editDirectory({ edit: 'assignGroup', group }),
    unassignGroup: (group) => editDirectory({ edit: 'unassignGroup', group }),
    setFaults: async (faults) => {
      await call('PUT', 'faults', faults);
    },
    clearFaults: async () => {
      await call('POST', 'faults/clear');
    },
    readRequests: async () => summarySchema.parse(await call('GET', 'requests')),
    clearRequests: async () => {
      await call('DELETE', 'requests');
    },
  };
}
