/**
 * The emulator against what real proxies answered (recordings/README.md): every recorded step of every version, in order, on
 * an empty emulator of that version. No step is left out.
 */
import { beforeAll, describe, expect, it } from 'vitest';

import { readSteps } from '../../../dev/litellm/contract/recordings.ts';
import { replaySteps } from '../../../dev/litellm/contract/replay.ts';
import type { ReplayedStep } from '../../../dev/litellm/contract/replay.ts';
import { startLitellmEmulator } from '../../../dev/litellm/emulator.ts';
import { versions } from '../../../dev/litellm/versions.ts';

describe.each(versions)('the emulator of LiteLLM %s', (version) => {
  const steps = readSteps(version);
  let replayed: readonly ReplayedStep[] = [];

  beforeAll(async () => {
    const emulator = await startLitellmEmulator({ version });
    try {
      replayed = await replaySteps(emulator, steps);
    } finally {
      await emulator.stop();
    }
  });

  it.each(steps.map(({ step, method, path }, index) => ({ number: index + 1, step, method, path })))(
    'answers step $number as recorded: $step ($method $path)',
    ({ number }) => {
      expect(replayed[number - 1]?.differences).toEqual([]);
    },
  );
});
