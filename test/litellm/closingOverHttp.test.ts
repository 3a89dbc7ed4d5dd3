/** Closing and opening an account, over HTTP, on the emulator of every version: what the person's keys answer. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type LitellmEmulator, startLitellmEmulator } from '../../dev/litellm/emulator.ts';
import { versions } from '../../dev/litellm/versions.ts';
import { createLitellmClient } from '../../shared/litellm/client/litellmClient.ts';
import type { SyncDeps } from '../../shared/litellm/syncDeps.ts';
import type { LitellmClient } from '../../shared/model/litellmPorts.ts';
import { Secret } from '../../shared/model/secret.ts';
import { outgoingFetch } from '../../shared/platform/outgoingFetch.ts';
import { ALICE, BOB, message, PRODUCTION_TEAM, sampleRules } from '../support/world.ts';
import { createSyncWorld, type SyncWorld } from '../support/syncWorld.ts';

const MODEL = 'gpt-4o';

describe.each(versions)('on a LiteLLM proxy of version %s', (version) => {
  let emulator: LitellmEmulator;
  let litellm: LitellmClient;
  let on: SyncWorld;
  let deps: SyncDeps;

  beforeEach(async () => {
    emulator = await startLitellmEmulator({ version, licence: true });
    const { defaultTeamParams } = sampleRules();
    const rules = sampleRules({ defaultTeamParams: { ...defaultTeamParams, models: [MODEL] } });
    on = createSyncWorld({ rules });
    await on.refresh();
    const apiKey = new Secret(emulator.masterKey);
    litellm = createLitellmClient({
      baseUrl: emulator.url,
      apiKey,
      fetch: outgoingFetch,
      clock: on.world.clock,
    });
    on.litellm.version = version;
    deps = { ...on.worker(on.world.tables), litellm };
    for (const userId of [ALICE, BOB]) {
      await on.provision(message({ userId }));
      await on.syncWith(deps, { kind: 'user', id: userId });
    }
  });
  afterEach(async () => emulator.stop());

  const setActive = async (active: boolean): Promise<void> => {
    await on.world.tables.write('LiteLLMUserTable', {
      kind: 'merge',
      key: { partitionKey: ALICE, rowKey: 'user' },
      properties: { active },
      etag: '*',
    });
    await on.syncWith(deps, { kind: 'user', id: ALICE });
  };
  const callModel = async (key: Secret): Promise<number> => {
    const response = await fetch(`${emulator.url}/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key.reveal()}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: MODEL, messages: [{ role: 'user', content: 'hi' }] }),
    });
    return response.status;
  };

  it('a closed account’s keys are refused, others’ answer, and the same secrets answer after the opening', async () => {
    emulator.state.createKey({ key: 'sk-personal-key', userId: ALICE });
    const personal = new Secret('sk-personal-key');
    const key = { teamId: PRODUCTION_TEAM.id, models: [], duration: '90d', metadata: {} };
    const bobs = await litellm.createKey({ ...key, userId: BOB, alias: 'bobs' });
    expect([await callModel(personal), await callModel(bobs.secret)]).toEqual([200, 200]);
    await setActive(false);
    expect([await callModel(personal), await callModel(bobs.secret)]).toEqual([401, 200]);
    emulator.requests.clear();
    await on.syncWith(deps, { kind: 'user', id: ALICE });
    expect(emulator.requests.all.filter(({ isWrite }) => isWrite)).toEqual([]);
    await setActive(true);
    expect([await callModel(personal), await callModel(bobs.secret)]).toEqual([200, 200]);
  });
});
