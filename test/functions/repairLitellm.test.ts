import { InvocationContext, type LogLevel } from '@azure/functions';
import { expect, it } from 'vitest';
import { createCoreModule, installCoreModule } from '../../dev/host/coreModule.ts';
import { startLitellmEmulator } from '../../dev/litellm/emulator.ts';
import { createStorage } from '../../dev/stack/createStorage.ts';
import { startAzurite } from '../support/azurite.ts';

it('compares daily at 04:30 UTC and says in one event what it found', async () => {
  const core = createCoreModule(() => undefined);
  installCoreModule(core.exports);
  const [azurite, litellm] = await Promise.all([startAzurite(), startLitellmEmulator()]);
  try {
    await createStorage(azurite.connectionString);
    litellm.state.createTeam({ teamId: 'by-hand' });
    Object.assign(process.env, {
      MICROSOFT_TENANT: '11111111-2222-3333-4444-555555555555',
      MICROSOFT_CLIENT_ID: '22222222-3333-4444-5555-666666666666',
      MICROSOFT_CLIENT_SECRET: 'a-client-secret',
      AzureWebJobsStorage: azurite.connectionString,
      PUBLIC_URL: 'https://ai.company.com',
      LITELLM_BASE_URL: litellm.url,
      LITELLM_API_KEY: litellm.masterKey,
    });
    await import('../../functions/repairLitellm.ts');
    const registered = core.functions.get('repairLitellm');
    expect(Object.values(registered?.metadata.bindings ?? {})).toEqual([
      expect.objectContaining({ type: 'timerTrigger', schedule: '0 30 4 * * *' }),
    ]);
    const logged: string[] = [];
    const logHandler = (level: LogLevel, ...parts: readonly unknown[]): void => {
      logged.push([level, ...parts].join(' '));
    };
    const context = new InvocationContext({ invocationId: 'one', functionName: 'repairLitellm', logHandler });
    await registered?.callback({}, context);
    expect(logged).toEqual([
      expect.stringMatching(
        /^information .*"event":"sync\.repair".*"people":0,.*"otherTeams":1,.*"requested":0,"keysParked":0,"keysDue":0,.*"durationMs":/,
      ),
    ]);
    expect(litellm.requests.all.some(({ isWrite }) => isWrite)).toBe(false);
  } finally {
    await Promise.all([azurite.stop(), litellm.stop()]);
  }
});
