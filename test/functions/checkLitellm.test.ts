import { InvocationContext, type LogLevel } from '@azure/functions';
import { expect, it } from 'vitest';
import { createCoreModule, installCoreModule } from '../../dev/host/coreModule.ts';
import { startLitellmEmulator } from '../../dev/litellm/emulator.ts';
import { createStorage } from '../../dev/stack/createStorage.ts';
import { startAzurite } from '../support/azurite.ts';

it('checks the proxy every 10 minutes and says in one event what it found', async () => {
  const core = createCoreModule(() => undefined);
  installCoreModule(core.exports);
  const [azurite, litellm] = await Promise.all([
    startAzurite(),
    startLitellmEmulator({ version: '1.108.0' }),
  ]);
  try {
    await createStorage(azurite.connectionString);
    Object.assign(process.env, {
      MICROSOFT_TENANT: '11111111-2222-3333-4444-555555555555',
      MICROSOFT_CLIENT_ID: '22222222-3333-4444-5555-666666666666',
      MICROSOFT_CLIENT_SECRET: 'a-client-secret',
      AzureWebJobsStorage: azurite.connectionString,
      PUBLIC_URL: 'https://ai.company.com',
      LITELLM_BASE_URL: litellm.url,
      LITELLM_API_KEY: litellm.masterKey,
    });
    await import('../../functions/checkLitellm.ts');
    const registered = core.functions.get('checkLitellm');
    expect(Object.values(registered?.metadata.bindings ?? {})).toEqual([
      expect.objectContaining({ type: 'timerTrigger', schedule: '0 */10 * * * *' }),
    ]);
    const logged: string[] = [];
    const logHandler = (level: LogLevel, ...parts: readonly unknown[]): void => {
      logged.push([level, ...parts].join(' '));
    };
    const context = new InvocationContext({ invocationId: 'one', functionName: 'checkLitellm', logHandler });
    await registered?.callback({}, context);
    const [line = ''] = logged;
    expect(logged).toHaveLength(1);
    expect(line).toMatch(/^warning /);
    expect(JSON.parse(line.slice(line.indexOf('{')))).toMatchObject({
      event: 'litellm.check',
      status: 'ok',
      version: '1.108.0',
      organizations: 'unlicensed',
      warnings: ['organizations_unlicensed'],
    });
    expect(line).not.toContain(litellm.masterKey);
    expect(litellm.requests.all.some(({ isWrite }) => isWrite)).toBe(false);
  } finally {
    await Promise.all([azurite.stop(), litellm.stop()]);
  }
});
