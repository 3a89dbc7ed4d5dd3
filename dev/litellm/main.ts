/** The process of the LiteLLM emulator: `node dev/litellm/main.ts [--port N] [--profile older] [--state-file FILE] …` */
import { parseArgs } from 'node:util';
import { z } from 'zod';

import { runService } from '../emulator/runService.ts';
import { startLitellmEmulator } from './emulator.ts';
import type { ReadyLine } from './litellmProcess.ts';

const { values } = parseArgs({
  options: {
    'state-file': { type: 'string' },
    port: { type: 'string', default: '0' },
    profile: { type: 'string', default: 'newer' },
    'master-key': { type: 'string' },
  },
});

await runService({
  name: 'LiteLLM emulator',
  start: async () => {
    const { url, masterKey, profile, stop } = await startLitellmEmulator({
      profile: z.enum(['older', 'newer'], 'The profile is older or newer').parse(values.profile),
      port: Number(values.port),
      stateFile: values['state-file'],
      masterKey: values['master-key'],
    });
    return { ready: { ready: true, url, masterKey, profile } satisfies ReadyLine, stop };
  },
});
