/** A world whose provisioning syncs to an emulated LiteLLM proxy over real HTTP. The store is in memory, and the clock a test's. */
import { type LitellmEmulator, startLitellmEmulator } from '../../dev/litellm/emulator.ts';
import type { ProxySettings } from '../../dev/litellm/proxySettings.ts';
import type { Version } from '../../dev/litellm/versions.ts';
import type { LitellmDifference } from '../../shared/litellm/differences.ts';
import { compareWithLitellm } from '../../shared/litellm/compareWithLitellm.ts';
import { createGuardedClient } from '../../shared/litellm/guardedClient.ts';
import type { ProxyState } from '../../shared/litellm/proxyState.ts';
import { repairLitellm } from '../../shared/litellm/repairLitellm.ts';
import { sync } from '../../shared/litellm/sync.ts';
import type { SyncDeps, SyncResult } from '../../shared/litellm/syncDeps.ts';
import type { SyncSubject } from '../../shared/model/synced.ts';
import { outgoingFetch } from '../../shared/platform/outgoingFetch.ts';
import { parseSyncMessage, type ProvisionMessage } from '../../shared/queue/queueMessage.ts';
import { ProxyRecord } from '../../shared/storage/proxyRecord.ts';
import { Secret } from '../../shared/model/secret.ts';
import { createSyncWorld, type SyncWorld, type SyncWorldOptions } from './syncWorld.ts';

export interface EmulatedOptions extends Omit<SyncWorldOptions, 'litellm'> {
  readonly version: Version;
  readonly proxy?: ProxySettings;
}

export interface EmulatedWorld extends Pick<SyncWorld, 'world' | 'waiting' | 'provision'> {
  readonly emulator: LitellmEmulator;
  readonly deps: SyncDeps;
  readonly proxy: ProxyState;
  /** Fails a request before it is sent, or after it was answered. */
  faults: (number: number, path: string) => 'before' | 'after' | undefined;
  refresh(this: void): Promise<void>;
  /** Provisions, and syncs everything that follows. */
  signIn(this: void, message: ProvisionMessage): Promise<readonly SyncResult[]>;
  sync(this: void, subject: SyncSubject): Promise<SyncResult>;
  drain(this: void): Promise<readonly SyncResult[]>;
  /** What the nightly repair does. */
  repair(this: void): Promise<void>;
  /** What the dry run shows. */
  compare(this: void): Promise<readonly LitellmDifference[]>;
  /** Changes the licence, and lets the timer notice: three answers over half an hour. */
  setLicence(this: void, licence: boolean): Promise<void>;
  /** Writes that were sent since the last call, as `METHOD /path`. */
  takeWrites(this: void): readonly string[];
}

const READS = new Set([
  '/team/info',
  '/organization/info',
  '/user/list',
  '/v2/team/list',
  '/organization/list',
]);

export async function createEmulatedWorld(options: EmulatedOptions): Promise<EmulatedWorld> {
  const { version, proxy: settings = {} } = options;
  const emulator = await startLitellmEmulator({ version, ...settings });
  const on = createSyncWorld(options);
  const { clock, tables, store } = on.world;
  let count = 0;
  const sent: string[] = [];
  const fetch: typeof outgoingFetch = async (input, init) => {
    const { pathname } = new URL(input);
    const method = init?.method ?? 'GET';
    if (method !== 'GET' && !READS.has(pathname)) sent.push(`${method} ${pathname}`);
    const fault = emulated.faults((count += 1), pathname);
    if (fault === 'before') throw new TypeError('fetch failed');
    const answer = await outgoingFetch(input, init);
    if (fault === 'after') throw new TypeError('fetch failed');
    return answer;
  };
  const sleep = on.deps.sleep;
  const { litellm, proxy } = createGuardedClient(
    { baseUrl: emulator.url, apiKey: new Secret(emulator.masterKey), fetch, clock, sleep },
    { record: new ProxyRecord(tables, emulator.url), users: store.users },
  );
  const deps: SyncDeps = { ...on.deps, litellm, proxy };
  const drain = async (): Promise<readonly SyncResult[]> => {
    const results: SyncResult[] = [];
    for (let runs = 0; on.waiting.length > 0; runs += 1) {
      if (runs > 300) throw new Error('The queue never becomes empty.');
      const next = on.waiting.shift();
      if (next === undefined) break;
      clock.advance(next.delaySeconds * 1000);
      results.push(await sync(deps, parseSyncMessage(next.text), { attempt: 1 }));
    }
    return results;
  };
  const compareDeps = { ...deps, store };
  const emulated: EmulatedWorld = {
    world: on.world,
    waiting: on.waiting,
    provision: on.provision,
    emulator,
    deps,
    proxy,
    faults: () => undefined,
    refresh: on.refresh,
    async signIn(message) {
      await on.provision(message);
      return drain();
    },
    sync: async (subject) => sync(deps, { version: 1, subject }, { attempt: 1 }),
    drain,
    async repair() {
      const requests = { queue: deps.queue, clock, traceparent: () => undefined };
      await repairLitellm({ ...compareDeps, requests });
      await drain();
    },
    async compare() {
      const found: LitellmDifference[] = [];
      await compareWithLitellm(compareDeps, async (differences) => {
        found.push(...differences);
        await Promise.resolve();
      });
      return found;
    },
    async setLicence(licence) {
      emulator.settings.change({ licence });
      for (let check = 0; check < 4; check += 1) {
        await proxy.check();
        clock.advance(11 * 60_000);
      }
    },
    takeWrites: () => sent.splice(0),
  };
  return emulated;
}
