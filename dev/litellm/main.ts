/**
 * The process of the LiteLLM emulator. `npm run litellm` runs it alone:
 * `npm run litellm -- --version 1.84.10 --port 4000 --master-key sk-… [--licence yes] [--state-file FILE]
 * [--default-team-params JSON] [--default-internal-user-params JSON]`
 */
import { parseArgs } from 'node:util';
import { z } from 'zod';

import { runService } from '../emulator/runService.ts';
import { startLitellmEmulator } from './emulator.ts';
import type { ReadyLine } from './litellmProcess.ts';
import { proxySettingsSchema } from './proxySettings.ts';
import { defaultVersion, versions } from './versions.ts';

const { values } = parseArgs({
  options: {
    'state-file': { type: 'string' },
    port: { type: 'string', default: '0' },
    version: { type: 'string', default: defaultVersion },
    licence: { type: 'string', default: 'no' },
    'master-key': { type: 'string' },
    'default-team-params': { type: 'string', default: '{}' },
    'default-internal-user-params': { type: 'string', default: '{}' },
  },
});

function parseJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  return value;
}

await runService({
  name: 'LiteLLM emulator',
  start: async () => {
    const { url, masterKey, version, stop } = await startLitellmEmulator({
      ...proxySettingsSchema.parse({
        licence: z.enum(['yes', 'no'], 'The licence is yes or no').parse(values.licence) === 'yes',
        defaultTeamParams: parseJson(values['default-team-params']),
        defaultInternalUserParams: parseJson(values['default-internal-user-params']),
      }),
      version: z.enum(versions, `The version is one of ${versions.join(', ')}`).parse(values.version),
      port: Number(values.port),
      stateFile: values['state-file'],
      masterKey: values['master-key'],
    });
    return { ready: { ready: true, url, masterKey, version } satisfies ReadyLine, stop };
  },
});
