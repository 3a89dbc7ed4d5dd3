/** What `npm run sync` compares: a storage account, and the LiteLLM proxy that belongs to it. */
import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleepMs } from 'node:timers/promises';
import { createGuardedClient } from '../shared/litellm/guardedClient.ts';
import type { ProxyState } from '../shared/litellm/proxyState.ts';
import { ParkedOwner } from '../shared/litellm/keys/parkedOwner.ts';
import { createStore, type Store } from '../shared/storage/store.ts';
import { ProxyRecord } from '../shared/storage/proxyRecord.ts';
import { SyncRecord } from '../shared/storage/syncRecord.ts';
import { formatFault } from '../shared/config/configFault.ts';
import { type LitellmAccess, readLitellm } from '../shared/config/settingGroups.ts';
import { type Environment, SettingsReader } from '../shared/config/settingsReader.ts';
import type { Tables } from '../shared/model/tables.ts';
import type { SyncDeps } from '../shared/litellm/syncDeps.ts';
import { findLocalStack, readSettingsFile } from './localStack.ts';
import { CommandError } from '../terminal/commandError.ts';
import { openStorage } from './openStorage.ts';
import type { StorageArguments } from './storageArguments.ts';

/** Both settings must come from one place: the address of one proxy and the key of another would not work. */
function isGiven(settings: Environment): boolean {
  return [settings['LITELLM_BASE_URL'], settings['LITELLM_API_KEY']].some(
    (value) => value !== undefined && value.trim() !== '',
  );
}

/** Returns the settings of the proxy that the running stack is connected to. */
async function readStackSettings(stateDir: string | undefined): Promise<Environment> {
  const litellm = (await findLocalStack(stateDir))?.litellm;
  return { LITELLM_BASE_URL: litellm?.baseUrl, LITELLM_API_KEY: litellm?.apiKey };
}

/**
 * Returns the proxy: the one in the environment; else the local stack's for the local stack's storage, or that of
 * `local.settings.json` for any other storage. It never combines the local stack's proxy with another storage.
 */
async function requireLitellm(isStackStorage: boolean, stateDir: string | undefined): Promise<LitellmAccess> {
  const settings = isGiven(process.env)
    ? process.env
    : await (isStackStorage ? readStackSettings(stateDir) : readSettingsFile());
  const reader = new SettingsReader(settings);
  const litellm = readLitellm(reader);
  if (litellm !== undefined) return litellm;
  throw new CommandError(
    [
      'Which proxy? Set LITELLM_BASE_URL and LITELLM_API_KEY, or start the local stack (npm start) with a proxy.',
      ...reader.faults.map((fault) => formatFault(fault)),
    ].join('\n  '),
  );
}

export interface Connection {
  /** The proxy's address, to show. */
  readonly baseUrl: string;
  readonly proxy: ProxyState;
  readonly deps: Omit<SyncDeps, 'queue'> & { readonly store: Store };
}

/** A dry run writes nothing, and needs no right to. */
function proxyRecordOf(
  tables: Tables,
  baseUrl: string,
  isDryRun: boolean,
): Pick<ProxyRecord, 'read' | 'write'> {
  const record = new ProxyRecord(tables, baseUrl);
  return isDryRun
    ? { read: async () => record.read(), write: async ({ etag }) => etag ?? 'dry run' }
    : record;
}

/** Creates what the command needs, and connects to nothing yet. Throws a CommandError that says what to do. */
export async function connect(
  storage: StorageArguments,
  { isDryRun }: { readonly isDryRun: boolean },
): Promise<Connection> {
  const { account, stateDir } = storage;
  const isGivenStorage = stateDir === undefined && (process.env['AzureWebJobsStorage'] ?? '') !== '';
  const { tables } = await openStorage(storage);
  const { baseUrl, apiKey, ...rules } = await requireLitellm(
    account === undefined && !isGivenStorage,
    stateDir,
  );
  const clock = { now: () => new Date() };
  const store = createStore(tables);
  const { litellm, proxy } = createGuardedClient(
    { baseUrl, apiKey, fetch, clock },
    { record: proxyRecordOf(tables, baseUrl, isDryRun), users: store.users },
  );
  return {
    baseUrl,
    proxy,
    deps: {
      store,
      litellm,
      proxy,
      ...rules,
      parkedOwner: new ParkedOwner(litellm),
      record: new SyncRecord({ tables, clock, random: { uuid: () => randomUUID() } }),
      clock,
      random: { bytes: (count) => randomBytes(count) },
      sleep: async (durationMs) => sleepMs(durationMs),
    },
  };
}
