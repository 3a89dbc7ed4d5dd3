/** Starts the emulator in a process of its own, so that its work isn't counted as the product's. */
import { join } from 'node:path';
import { z } from 'zod';

import { startChild } from '../emulator/childProcess.ts';
import type { Child } from '../emulator/childProcess.ts';
import { createControlClient } from './controlClient.ts';
import type { ControlClient } from './controlClient.ts';
import type { ProxySettings } from './proxySettings.ts';
import { versions } from './versions.ts';
import type { Version } from './versions.ts';

/** The line that the process prints when it is ready. */
const readyLineSchema = z.object({
  ready: z.literal(true),
  /** For `LITELLM_BASE_URL`, for a browser, and for the control API. */
  url: z.string(),
  /** For `LITELLM_API_KEY`. */
  masterKey: z.string(),
  version: z.enum(versions),
});

export type ReadyLine = z.infer<typeof readyLineSchema>;

export interface LitellmProcessOptions extends Pick<
  ProxySettings,
  'licence' | 'defaultTeamParams' | 'defaultInternalUserParams'
> {
  /** Where rows and the master key are kept between starts. Left out: in memory. */
  readonly stateFile?: string;
  /** Default: the newest that has organizations without a licence. */
  readonly version?: Version;
  /** Default: the kept one, else a random one. */
  readonly masterKey?: string;
  /** 0, the default, takes any free port. */
  readonly port?: number;
}

export interface LitellmProcess extends Child<ReadyLine> {
  readonly control: ControlClient;
}

/** Starts the emulator and resolves once it is ready. Rejects with its last lines if it ends before. */
export async function startLitellmProcess(options: LitellmProcessOptions = {}): Promise<LitellmProcess> {
  const { stateFile, version, masterKey, licence, port = 0 } = options;
  const optional = {
    'state-file': stateFile,
    version,
    'master-key': masterKey,
    licence: licence === undefined ? undefined : licence ? 'yes' : 'no',
    'default-team-params': toJson(options.defaultTeamParams),
    'default-internal-user-params': toJson(options.defaultInternalUserParams),
  };
  const child = await startChild({
    name: 'LiteLLM emulator',
    modulePath: join(import.meta.dirname, 'main.ts'),
    args: [
      `--port=${port}`,
      ...Object.entries(optional).flatMap(([name, value]) =>
        value === undefined ? [] : [`--${name}=${value}`],
      ),
    ],
    readySchema: readyLineSchema,
  });
  return { ...child, control: createControlClient(child.ready.url) };
}

const toJson = (value: object | undefined): string | undefined =>
  value === undefined ? undefined : JSON.stringify(value);
