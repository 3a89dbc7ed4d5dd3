/** The typed client of the control API. */
import { createControlCall, createFaultControl } from '../emulator/controlCalls.ts';
import type { FaultControl } from '../emulator/controlCalls.ts';
import type { Directory, DirectoryInput } from './directory.ts';
import { parseDirectory } from './directory.ts';
import type { DirectoryEdit } from './directoryEdits.ts';
import type { FaultsInput } from './faults.ts';
import { requestSummarySchema } from './recordedRequest.ts';
import type { RequestSummary } from './recordedRequest.ts';

/** The emulator's tenant, switches and record, from another process. People are named by object id or login. */
export interface ControlClient extends FaultControl<FaultsInput, RequestSummary> {
  readDirectory(): Promise<Directory>;
  /** Replaces the whole tenant. */
  putDirectory(directory: DirectoryInput): Promise<void>;
  /** Applies all edits in order, or none. */
  editDirectory(...edits: readonly DirectoryEdit[]): Promise<void>;
  addToGroup(person: string, group: string): Promise<void>;
  removeFromGroup(person: string, group: string): Promise<void>;
  assignGroup(group: string): Promise<void>;
  unassignGroup(group: string): Promise<void>;
}

/** Creates a client for the emulator at `browserUrl`. Its calls throw if the emulator refuses, with the reason. */
export function createControlClient(browserUrl: string): ControlClient {
  const call = createControlCall(browserUrl);
  const editDirectory: ControlClient['editDirectory'] = async (...edits) =>
    void (await call('PATCH', 'directory', { edits }));
  return {
    ...createFaultControl<FaultsInput, RequestSummary>(call, requestSummarySchema),
    readDirectory: async () => parseDirectory(await call('GET', 'directory')),
    putDirectory: async (directory) => void (await call('PUT', 'directory', directory)),
    editDirectory,
    addToGroup: (person, group) => editDirectory({ edit: 'addToGroup', person, group }),
    removeFromGroup: (person, group) => editDirectory({ edit: 'removeFromGroup', person, group }),
    assignGroup: (group) => editDirectory({ edit: 'assignGroup', group }),
    unassignGroup: (group) => editDirectory({ edit: 'unassignGroup', group }),
  };
}
