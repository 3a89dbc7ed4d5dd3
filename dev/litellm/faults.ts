/** The switches that make the emulator fail the ways LiteLLM, and a gateway in front of it, can fail. */
import { z } from 'zod';

import { FaultSwitches, callFaultSchema } from '../emulator/faults.ts';

const litellmCallFaultSchema = callFaultSchema.extend({
  /** The path on which it acts. A `*` at the end matches any rest. */
  path: z.string(),
  /** Acts on this method only. */
  method: z.string().optional(),
  /** Lets this many matching calls pass before it acts. */
  skip: z.number().int().min(0).optional(),
  /** Resets the connection instead of answering. */
  reset: z.boolean().optional(),
  /** Neither answers nor hangs up, until the switches change or the emulator stops. */
  silent: z.boolean().optional(),
  /** Does what was asked, and only then fails. */
  afterApplying: z.boolean().optional(),
  /** Writes the user's side of `/team/member_add`, leaves out the team's side, and answers 500 (pull request 31303). */
  halfWrite: z.boolean().optional(),
});

export const faultsSchema = z.strictObject({
  /** In order: the first fault that matches a call, and hasn't used up its `times`, acts. */
  calls: z.array(litellmCallFaultSchema).optional(),
  /** The health check answers 503, and so does everything else. */
  databaseDown: z.boolean().optional(),
  /** `/organization/new` answers 500 because no model is configured. */
  noModelRouter: z.boolean().optional(),
  /** How many users and teams the licence allows. Beyond that: 403. */
  userCap: z.number().int().optional(),
  teamCap: z.number().int().optional(),
  /** How long older versions wait between reading and writing a team's members. Left out: as short as possible. */
  memberWriteGapMs: z.number().int().min(0).optional(),
  /** Older versions hold back writes of one team's members until this many have read (or one second has passed). */
  memberWritesTogether: z.number().int().min(1).optional(),
});

export type CallFault = z.output<typeof litellmCallFaultSchema>;
export type Faults = z.output<typeof faultsSchema>;

/** The switches, with their list of faults of single calls. */
export class LitellmFaultSwitches extends FaultSwitches<Faults> {
  /** Adds a fault of calls behind the others. */
  add(fault: CallFault): void {
    this.set({ calls: [...(this.current.calls ?? []), fault] });
  }

  /** Returns the fault that acts on this call, if there is one, and counts the call. */
  take(method: string, path: string): CallFault | undefined {
    return this.current.calls?.find((fault) => matches(fault, method, path) && this.acts(fault));
  }
}

function matches(fault: CallFault, method: string, path: string): boolean {
  if (fault.method !== undefined && fault.method !== method) return false;
  return fault.path.endsWith('*') ? path.startsWith(fault.path.slice(0, -1)) : path === fault.path;
}
