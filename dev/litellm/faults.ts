/** The switches that make the proxy fail the ways LiteLLM and what stands before it can. */
import { z } from 'zod';

const callFaultSchema = z.strictObject({
  /** The path it acts on; a `*` at the end stands for any rest. */
  path: z.string(),
  /** Only this method. */
  method: z.string().optional(),
  /** Lets so many matching calls pass before it acts. */
  skip: z.number().int().min(0).optional(),
  /** For so many calls; left out: until cleared. */
  times: z.number().int().min(1).optional(),
  delayMs: z.number().int().min(0).optional(),
  /** Answer with this status. Left out (with nothing below): only slow. */
  status: z.number().int().min(200).max(599).optional(),
  /** A `Retry-After` of any text. */
  retryAfter: z.string().optional(),
  /** Answer with this text instead of an error of LiteLLM's shape. */
  body: z.string().optional(),
  /** Reset the connection instead of answering. */
  reset: z.boolean().optional(),
  /** Neither answer nor hang up, until the switches change or the emulator stops. */
  silent: z.boolean().optional(),
  /** Do what was asked first, and only then fail in the way above. */
  afterApplying: z.boolean().optional(),
  /** Only half of `/team/member_add`: the user's side is written, the team's is not, and it answers 500 (pull request 31303). */
  halfWrite: z.boolean().optional(),
});

export const faultsSchema = z.strictObject({
  /** In order: the first that matches a call and has acts left acts. */
  calls: z.array(callFaultSchema).optional(),
  /** The health says 503 and everything else too. */
  databaseDown: z.boolean().optional(),
  /** `/organization/new` answers 500: no model is configured. */
  noModelRouter: z.boolean().optional(),
  /** There is a licence: `admin` of a team may be given. */
  isLicensed: z.boolean().optional(),
  /** How many users and teams the licence allows; beyond: 403. */
  userCap: z.number().int().optional(),
  teamCap: z.number().int().optional(),
  /** What `/team/new` puts where the request says nothing. */
  defaultTeamParams: z
    .strictObject({
      models: z.array(z.string()).optional(),
      max_budget: z.number().optional(),
      budget_duration: z.string().optional(),
      tpm_limit: z.number().optional(),
      rpm_limit: z.number().optional(),
    })
    .optional(),
  /** The teams that `/user/new` without `teams` puts a user into. */
  defaultUserTeams: z.array(z.string()).optional(),
  /** How long `older` waits between reading and writing a team's members; left out: as short as it can be. */
  memberWriteGapMs: z.number().int().min(0).optional(),
  /** `older` holds writes of one team's members until so many have read (or one second has passed). */
  memberWritesTogether: z.number().int().min(1).optional(),
});

export type CallFault = z.output<typeof callFaultSchema>;
export type Faults = z.output<typeof faultsSchema>;

/** The switches in force, and how often each limited one has still to act. */
export class FaultSwitches {
  #current: Faults = {};
  #counts = new Map<CallFault, number>();
  readonly #changed: () => void;

  /** `changed` runs whenever they are replaced. */
  constructor(changed: () => void = () => undefined) {
    this.#changed = changed;
  }

  get current(): Faults {
    return this.#current;
  }

  /** Replaces all switches; what is left out is off. Counting starts anew. */
  replace(faults: Faults): void {
    this.#current = faults;
    this.#counts = new Map();
    this.#changed();
  }

  /** Adds a fault of calls behind those in force. */
  add(fault: CallFault): void {
    this.#current = { ...this.#current, calls: [...(this.#current.calls ?? []), fault] };
  }

  /** Switches on what is given and leaves the rest as it is. */
  set(faults: Faults): void {
    this.#current = { ...this.#current, ...faults };
  }

  clear(): void {
    this.replace({});
  }

  /** Gives the fault that is to act on this call, if there is one, and counts it. */
  take(method: string, path: string): CallFault | undefined {
    for (const fault of this.#current.calls ?? []) {
      if (!matches(fault, method, path)) continue;
      const count = this.#counts.get(fault) ?? 0;
      this.#counts.set(fault, count + 1);
      const acted = count - (fault.skip ?? 0);
      if (acted >= 0 && acted < (fault.times ?? Infinity)) return fault;
    }
    return undefined;
  }
}

function matches(fault: CallFault, method: string, path: string): boolean {
  if (fault.method !== undefined && fault.method !== method) return false;
  return fault.path.endsWith('*') ? path.startsWith(fault.path.slice(0, -1)) : path === fault.path;
}
