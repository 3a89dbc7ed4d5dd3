/** What `npm run sync` compares: a storage account, and the LiteLLM proxy that goes with it. */
import { createStore } from '../shared/storage/store.ts';
import { randomBytes, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleepMs } from 'node:timers/promises';
import { z } from 'zod';
import { createLitellmClient } from '../shared/litellm/client/litellmClient.ts';
import { SyncRecord } from '../shared/storage/syncRecord.ts';
import { formatFault } from '../shared/config/configFault.ts';
import { type LitellmAccess, readLitellm } from '../shared/config/litellm.ts';
import { type Environment, SettingsReader } from '../shared/config/settingsReader.ts';
import type { CompareDeps } from '../shared/litellm/compareMembers.ts';
import type { SyncDeps } from '../shared/litellm/syncDeps.ts';
import { SYNC_QUEUE } from '../shared/queue/queueNames.ts';
import { openStorage } from './openStorage.ts';
import { findStateDir, stackFile } from '../dev/stack/localStateDir.ts';
import { readLocalSettings } from '../dev/stack/localSettings.ts';

const root = join(import.meta.dirname, '..');
const clock = { now: () => new Date() };

const stackSchema = z.object({
  litellm: z.optional(z.object({ baseUrl: z.string(), apiKey: z.string() })),
});

/** Both settings from one place: the address of one proxy and the key of another would help nobody. */
function isGiven(settings: Environment): boolean {
  return [settings['LITELLM_BASE_URL'], settings['LITELLM_API_KEY']].some(
    (value) => value !== undefined && value.trim() !== '',
  );
}

/** Of whatever proxy the stack that runs now is connected to. */
async function readStackSettings(): Promise<Environment> {
  try {
    const { litellm } = stackSchema.parse(JSON.parse(await readFile(stackFile(findStateDir()), 'utf8')));
    return { LITELLM_BASE_URL: litellm?.baseUrl, LITELLM_API_KEY: litellm?.apiKey };
  } catch {
    return {};
  }
}

/**
 * Gives the proxy: of the environment, else, beside the local stack's storage, the stack's, and beside any other that of
 * `local.settings.json`. Never the stack's proxy beside another storage, which would take one for the other.
 */
async function requireLitellm(isStackStorage: boolean): Promise<LitellmAccess> {
  const settings = isGiven(process.env)
    ? process.env
    : isStackStorage
      ? await readStackSettings()
      : (await readLocalSettings(join(root, 'local.settings.json'))).values;
  const reader = new SettingsReader(settings);
  const litellm = readLitellm(reader);
  if (litellm !== undefined) return litellm;
  throw new Error(
    [
      'Which proxy? Set LITELLM_BASE_URL and LITELLM_API_KEY, or start the local stack (npm start) with one.',
      ...reader.faults.map((fault) => formatFault(fault)),
    ].join('\n  '),
  );
}

export interface Connection {
  /** The proxy's address, to be shown. */
  readonly baseUrl: string;
  readonly compare: CompareDeps;
  readonly push: SyncDeps;
}

/** Builds what the command needs; connects to nothing yet. `account`: a storage account in Azure. Throws an Error that says what to do. */
export async function connect(account: string | undefined): Promise<Connection> {
  const given = process.env['AzureWebJobsStorage'] ?? '';
  const { baseUrl, apiKey } = await requireLitellm(account === undefined && given === '');
  const { tables, createQueue } = await openStorage(account);
  const store = createStore(tables);
  const record = new SyncRecord({ tables, clock, random: { uuid: () => randomUUID() } });
  const proxy = createLitellmClient({ baseUrl, apiKey, fetch, clock });
  return {
    baseUrl,
    compare: { store, proxy, record },
    push: {
      store,
      proxy,
      record,
      queue: createQueue(SYNC_QUEUE),
      clock,
      random: { bytes: (count) => randomBytes(count) },
      sleep: async (durationMs) => sleepMs(durationMs),
    },
  };
}
