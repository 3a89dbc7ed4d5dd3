/** Real calls with a key over HTTP, on the emulator of every version: leaving, coming back in time, and coming back too late. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type LitellmEmulator, startLitellmEmulator } from '../../../dev/litellm/emulator.ts';
import { versions } from '../../../dev/litellm/versions.ts';
import { PARKED_OWNER } from '../../../shared/litellm/keys/decideKey.ts';
import { ParkedOwner } from '../../../shared/litellm/keys/parkedOwner.ts';
import { type RepairedKeys, repairKeys } from '../../../shared/litellm/keys/repairKeys.ts';
import { createGuardedClient } from '../../../shared/litellm/guardedClient.ts';
import { sync } from '../../../shared/litellm/sync.ts';
import type { SyncDeps, SyncResult } from '../../../shared/litellm/syncDeps.ts';
import { parseSyncMessage } from '../../../shared/queue/queueMessage.ts';
import { ProxyRecord } from '../../../shared/storage/proxyRecord.ts';
import { Secret } from '../../../shared/model/secret.ts';
import { createSyncWorld, type SyncWorld } from '../../support/syncWorld.ts';
import { message, sampleRules } from '../../support/world.ts';

const TEAM = 'g1';
const OTHER = 'g2';
const ANN = 'ann';
const BOB = 'bob';
const DAY_MS = 86_400_000;

describe.each(versions)('keys of people who leave, on version %s', (version) => {
  let emulator: LitellmEmulator;
  let on: SyncWorld;
  let deps: SyncDeps;

  beforeEach(async () => {
    emulator = await startLitellmEmulator({ version, models: ['gpt-4', 'gpt-3.5-turbo'] });
    on = createSyncWorld({
      rules: sampleRules({ groupsAlsoCreateOrgs: false }),
      assigned: [TEAM, OTHER].map((id) => ({ id, displayName: `Group ${id}` })),
    });
    const { clock } = on.deps;
    const sleep = async (): Promise<void> => Promise.resolve();
    const apiKey = new Secret(emulator.masterKey);
    const guarded = createGuardedClient(
      { baseUrl: emulator.url, apiKey, fetch, clock, sleep },
      { record: new ProxyRecord(on.world.tables, emulator.url), users: on.world.store.users },
    );
    deps = { ...on.deps, ...guarded, parkedOwner: new ParkedOwner(guarded.litellm) };
    await on.refresh();
    await have(ANN, [TEAM, OTHER]);
    await have(BOB, [TEAM]);
  });
  afterEach(async () => emulator.stop());

  /** Provisions the person, and syncs what waits, also what looks at a removal a minute later. */
  async function have(userId: string, groups: readonly string[]): Promise<readonly SyncResult[]> {
    on.world.clock.advance(2_000);
    const base = message({ userId, email: `${userId}@company.com`, groups });
    await on.provision({ ...base, observed_at: on.world.clock.now().toISOString() });
    const results: SyncResult[] = [];
    for (let next = on.waiting.shift(); next !== undefined; next = on.waiting.shift()) {
      on.world.clock.advance(next.delaySeconds * 1000);
      results.push(await sync(deps, parseSyncMessage(next.text), { attempt: 1 }));
    }
    return results;
  }

  async function call(path: string, key: string, body: object): Promise<Response> {
    return fetch(`${emulator.url}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  }

  async function createKey(body: object): Promise<string> {
    const answer: unknown = await (await call('/key/generate', emulator.masterKey, body)).json();
    if (typeof answer === 'object' && answer !== null && 'key' in answer) return String(answer.key);
    throw new Error('There is no key.');
  }

  /** Returns the status of a model call with the key. */
  async function ask(key: string): Promise<number> {
    const messages = [{ role: 'user', content: 'Hello' }];
    return (await call('/v1/chat/completions', key, { model: 'gpt-4', messages })).status;
  }

  async function repair(): Promise<RepairedKeys> {
    const { queue, clock } = on.deps;
    const requests = { queue, clock, traceparent: () => undefined };
    return repairKeys({ ...deps, teamIndex: on.world.store.teamIndex, requests });
  }

  it('stop at once, work again in time, and are deleted too late; no other key is touched', async () => {
    const key = await createKey({ user_id: ANN, team_id: TEAM, key_alias: 'one', key_type: 'llm_api' });
    const others = [
      await createKey({ user_id: ANN, team_id: OTHER }),
      await createKey({ user_id: ANN }),
      await createKey({ user_id: BOB, team_id: TEAM }),
      await createKey({ team_id: TEAM }),
    ];
    const askOthers = async (): Promise<readonly number[]> =>
      Promise.all(others.map(async (each) => ask(each)));
    expect(await ask(key)).toBe(200);

    const left = await have(ANN, [OTHER]);
    expect(await ask(key)).toBe(401);
    expect(await askOthers()).toEqual([200, 200, 200, 200]);
    expect(left.flatMap(({ keys }) => keys ?? [])).toEqual([{ parked: 1, returned: 0, deleted: 0, lost: 0 }]);
    const parked = emulator.state.read().keys.find(({ key_alias: alias }) => alias === 'one');
    expect(parked).toMatchObject({ user_id: PARKED_OWNER, team_id: null, blocked: true });

    on.world.clock.advance(6 * DAY_MS);
    await repair();
    await have(ANN, [TEAM, OTHER]);
    expect(await ask(key)).toBe(200);

    await have(ANN, [OTHER]);
    on.world.clock.advance(8 * DAY_MS);
    expect((await repair()).counts.deleted).toBe(0);
    await have(ANN, [OTHER]);
    expect((await repair()).counts).toEqual({ parked: 0, returned: 0, deleted: 1, lost: 0 });
    expect(await ask(key)).toBe(401);
    await have(ANN, [TEAM, OTHER]);
    expect(await ask(key)).toBe(401);
    expect(await askOthers()).toEqual([200, 200, 200, 200]);
    expect(emulator.requests.warnings).toEqual([]);
    expect(emulator.requests.destructive.map(({ path }) => path)).toEqual(['/key/delete']);
  });

  it('are counted if the proxy destroyed them with the membership', async () => {
    const first = await createKey({ user_id: ANN, team_id: TEAM });
    expect(await ask(first)).toBe(200);
    const original = deps.litellm;
    let late = '';
    const litellm = {
      ...original,
      removeTeamMember: async (teamId: string, userId: string) => {
        late = await createKey({ user_id: userId, team_id: teamId });
        return original.removeTeamMember(teamId, userId);
      },
    };
    deps = { ...deps, litellm };
    const results = await have(ANN, [OTHER]);
    expect([await ask(first), await ask(late)]).toEqual([401, 401]);
    const lost = results.reduce((sum, { keys }) => sum + (keys?.lost ?? 0), 0);
    expect(lost).toBe(version === '1.80.0' ? 0 : 1);
  });
});
