/** What is known about a proxy, against the emulator of every version, with and without a licence, and over real HTTP. */
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type LitellmEmulator, startLitellmEmulator } from '../../dev/litellm/emulator.ts';
import { type Version, versions } from '../../dev/litellm/versions.ts';
import { createGuardedClient, type GuardedClient } from '../../shared/litellm/guardedClient.ts';
import { repairLitellm } from '../../shared/litellm/repairLitellm.ts';
import { sync } from '../../shared/litellm/sync.ts';
import type { SyncDeps } from '../../shared/litellm/syncDeps.ts';
import type { Fetch } from '../../shared/model/ports.ts';
import type { SyncSubject } from '../../shared/model/synced.ts';
import { Secret } from '../../shared/model/secret.ts';
import { outgoingFetch } from '../../shared/platform/outgoingFetch.ts';
import { HeartbeatStore } from '../../shared/storage/heartbeatStore.ts';
import { ProxyRecord } from '../../shared/storage/proxyRecord.ts';
import { checkHealth, type HealthDetail } from '../../shared/health/checkHealth.ts';
import { createSyncWorld, type SyncWorld } from '../support/syncWorld.ts';
import { ALICE, message, PRODUCTION_TEAM, sampleRules } from '../support/world.ts';

const MINUTE_MS = 60_000;
const PERSON: SyncSubject = { kind: 'user', id: ALICE };

let emulator: LitellmEmulator | undefined;
afterEach(async () => emulator?.stop());

interface Scene extends GuardedClient {
  readonly emulator: LitellmEmulator;
  readonly on: SyncWorld;
  readonly deps: SyncDeps;
  /** The version that the proxy claims to have, if not its own. */
  claimed: string | undefined;
  health(this: void): Promise<HealthDetail>;
  /** The requests since the last look, as `GET /path`. */
  sent(this: void): readonly string[];
}

async function createScene(
  version: Version,
  { licence = false }: { readonly licence?: boolean } = {},
): Promise<Scene> {
  const running = await startLitellmEmulator({ version, licence });
  emulator = running;
  const on = createSyncWorld();
  const { tables, clock, store } = on.world;
  const fetch: Fetch = async (url, init) => {
    const answer = await outgoingFetch(url, init);
    if (scene.claimed === undefined || !url.endsWith('/openapi.json')) return answer;
    return Response.json({
      openapi: '3.1.0',
      info: { title: 'LiteLLM API', version: scene.claimed },
      paths: {},
    });
  };
  const apiKey = new Secret(running.masterKey);
  const guarded = createGuardedClient(
    { baseUrl: running.url, apiKey, fetch, clock },
    { record: new ProxyRecord(tables, running.url), users: store.users },
  );
  let seen = 0;
  const scene: Scene = {
    ...guarded,
    emulator: running,
    on,
    deps: { ...on.deps, ...guarded },
    claimed: undefined,
    health: async () =>
      checkHealth({
        store,
        queue: { check: async () => undefined },
        directory: on.world.refreshDeps.directory,
        clock,
        rules: sampleRules(),
        acceptVersion: undefined,
        heartbeats: new HeartbeatStore(tables),
        registered: () => ({ timers: [], queueFunctions: [] }),
        litellm: { check: async () => guarded.proxy.check() },
      }),
    sent: () => {
      const all = running.requests.all.map(({ method, path }) => `${method} ${path}`);
      return all.slice(seen, (seen = all.length));
    },
  };
  return scene;
}

/** What the health check reads each time. */
const RIGHTS = [
  'GET /health/readiness',
  'GET /user/list',
  'GET /v2/team/list',
  'GET /key/list',
  'GET /organization/info',
];

describe.each(versions)('a proxy of version %s', (version) => {
  const needsLicence = version === '1.108.0';

  it.each([true, false])('is healthy, licence: %s, and the check costs few requests', async (licence) => {
    const { health, sent, on } = await createScene(version, { licence });
    await on.refresh();
    const state = needsLicence && !licence ? 'unlicensed' : 'available';
    const detail = await health();
    expect(detail).toMatchObject({
      status: 'ok',
      litellm: {
        status: 'ok',
        version,
        tested_range: '1.80.0 to 1.108.0',
        organizations: { state },
        own_user: 'default_user_id',
        warnings: state === 'unlicensed' ? [{ code: 'organizations_unlicensed' }] : [],
      },
    });
    const count = needsLicence && licence ? [] : ['GET /user/list'];
    expect(sent()).toEqual(['GET /openapi.json', 'GET /key/info', ...RIGHTS, ...count]);
    await health();
    expect(sent()).toEqual([...RIGHTS, ...count]);
  });

  it('says so if the key is refused, and if its owner has too few rights', async () => {
    const { emulator: running, on } = await createScene(version);
    const made = await fetch(`${running.url}/user/new`, {
      method: 'POST',
      headers: { authorization: `Bearer ${running.masterKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ user_id: 'viewer', user_role: 'internal_user_viewer', auto_create_key: true }),
    });
    const { key } = z.object({ key: z.string() }).parse(await made.json());
    const { tables, clock, store } = on.world;
    const checkWith = async (apiKey: string): Promise<unknown> => {
      const record = new ProxyRecord(tables, running.url);
      const options = { baseUrl: running.url, apiKey: new Secret(apiKey), fetch: outgoingFetch, clock };
      return createGuardedClient(options, { record, users: store.users }).proxy.check();
    };
    const hint: unknown = expect.stringContaining('its owner is no administrator');
    expect(await checkWith('sk-wrong')).toMatchObject({ status: 'failing', error: 'litellm_key_refused' });
    expect(await checkWith(key)).toMatchObject({
      status: 'failing',
      error: 'litellm_right_missing',
      hint,
    });
    expect(await checkWith(running.masterKey)).toMatchObject({ status: 'ok' });
  });

  it('gets nothing while it says that it is 1.82.7, and everything waits until it was replaced', async () => {
    const scene = await createScene(version);
    const { on, deps, litellm, health, sent } = scene;
    await on.refresh();
    await on.provision(message({ userId: ALICE }));
    scene.claimed = '1.82.7';
    const { clock, tables } = on.world;
    tables.forgetRequests();
    for (const subject of [PERSON, { kind: 'team', id: PRODUCTION_TEAM.id }] satisfies SyncSubject[]) {
      await expect(sync(deps, { version: 1, subject }, { attempt: 1 })).resolves.toMatchObject({
        status: 'waiting',
        reason: 'litellm_version_unsafe',
      });
    }
    // Nor is a lease taken, which would keep other workers waiting.
    const written = tables
      .requests()
      .flatMap((each) => (each.kind === 'write' ? [each.write.key.rowKey] : []));
    expect(written.filter((rowKey) => rowKey === 'lease')).toEqual([]);
    const requests = { queue: deps.queue, clock, traceparent: () => undefined };
    const { store } = on.world;
    const unsafe: unknown = expect.objectContaining({ code: 'litellm_version_unsafe', retryable: true });
    await expect(repairLitellm({ ...deps, store, litellm, requests })).rejects.toEqual(unsafe);
    await expect(litellm.updateKey('hash', { blocked: true })).rejects.toEqual(unsafe);
    await expect(litellm.deleteKey('hash')).rejects.toEqual(unsafe);
    expect(await health()).toMatchObject({
      status: 'degraded',
      litellm: { status: 'failing', error: 'litellm_version_unsafe', version: '1.82.7' },
    });
    expect(sent()).toEqual(['GET /openapi.json']);

    scene.claimed = undefined;
    clock.advance(10 * MINUTE_MS);
    expect(await health()).toMatchObject({ status: 'ok', litellm: { status: 'ok', version } });
  });
});

describe('a licence that comes and goes (1.108.0)', () => {
  it('is believed by the check of every 10 minutes after 30 minutes, both ways', async () => {
    const { emulator: running, proxy, on } = await createScene('1.108.0', { licence: false });
    const seen: (string | undefined)[] = [];
    const look = async (times: number): Promise<void> => {
      for (let count = 0; count < times; count += 1) {
        seen.push((await proxy.check()).organizations?.state);
        on.world.clock.advance(10 * MINUTE_MS);
      }
    };
    await look(2);
    running.settings.change({ licence: true });
    await look(4);
    running.settings.change({ licence: false });
    await look(4);
    const change = ['unclear', 'unclear', 'unclear'];
    expect(seen).toEqual(['unlicensed', 'unlicensed', ...change, 'available', ...change, 'unlicensed']);
  });
});
