/**
 * Runs the emulator of LiteLLM in a process of its own, so that its work is never counted as the product's.
 * Says on one line of its standard output where it is, once it is there; SIGTERM and SIGINT stop it.
 */
import { parseArgs } from 'node:util';
import { z } from 'zod';

import { startLitellmEmulator } from './emulator.ts';
import type { ReadyLine } from './readyLine.ts';

const { values } = parseArgs({
  options: {
    'state-file': { type: 'string' },
    port: { type: 'string', default: '0' },
    profile: { type: 'string', default: 'newer' },
    'master-key': { type: 'string' },
  },
});

async function run(): Promise<void> {
  const stateFile = values['state-file'];
  const masterKey = values['master-key'];
  const emulator = await startLitellmEmulator({
    profile: z.enum(['older', 'newer'], 'The profile is older or newer').parse(values.profile),
    port: Number(values.port),
    ...(stateFile === undefined ? {} : { stateFile }),
    ...(masterKey === undefined ? {} : { masterKey }),
  });
  const stop = (): void => {
    emulator.stop().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  process.once('SIGTERM', stop).once('SIGINT', stop);
  const { url, profile } = emulator;
  const ready: ReadyLine = { ready: true, url, masterKey: emulator.masterKey, profile };
  process.stdout.write(`${JSON.stringify(ready)}\n`);
}

run().catch((error: unknown) => {
  process.stderr.write(`LiteLLM emulator: ${error instanceof Error ? error.message : 'failed'}\n`);
  process.exit(1);
});
