/** How the proxy is configured: what an administrator writes into its configuration file, and its licence. */
import { z } from 'zod';

const limits = {
  models: z.array(z.string()).optional(),
  max_budget: z.number().optional(),
  budget_duration: z.string().optional(),
  tpm_limit: z.number().optional(),
  rpm_limit: z.number().optional(),
};

const defaultTeamParamsSchema = z.strictObject({
  ...limits,
  team_member_permissions: z.array(z.string()).optional(),
});

const defaultInternalUserParamsSchema = z.strictObject({
  ...limits,
  user_role: z.string().optional(),
  /** The ids of the teams that a user joins if the request has no `teams`. */
  teams: z.array(z.string()).optional(),
});

export const proxySettingsSchema = z.strictObject({
  /** Whether LiteLLM has an Enterprise licence. Default false, as recorded. */
  licence: z.boolean().optional(),
  /** What `/team/new` fills in if the request has no value. */
  defaultTeamParams: defaultTeamParamsSchema.optional(),
  /** What `/user/new` fills in if the request has no value. An empty list of models counts as no value. */
  defaultInternalUserParams: defaultInternalUserParamsSchema.optional(),
  /** The models that answer by themselves. Default: those of the recorded proxies. */
  models: z.array(z.string()).optional(),
  /**
   * For how long a key goes on answering as it last did, although it was blocked, parked or deleted, or its user or team
   * was. Default 0. A real proxy with several workers and no Redis: up to 60.
   */
  cacheSeconds: z.number().min(0).optional(),
});

export type ProxySettings = z.output<typeof proxySettingsSchema>;

/** The settings of a running emulator. Tests and the control API change them. */
export class SettingsSwitch {
  readonly #initial: ProxySettings;
  #current: ProxySettings;

  constructor(initial: ProxySettings) {
    this.#initial = initial;
    this.#current = initial;
  }

  get current(): ProxySettings {
    return this.#current;
  }

  /** Changes what is given. A setting that is left out stays. `undefined` takes a setting back to its default. */
  change(changes: ProxySettings): void {
    this.#current = { ...this.#current, ...changes };
  }

  /** Takes everything back to what the emulator was started with. */
  reset(): void {
    this.#current = this.#initial;
  }
}
