/** Loads every entry file as the bundle does, so that a function that is added later is in this test without an edit. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { InvocationContext, type LogLevel } from '@azure/functions';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { type CoreModule, createCoreModule, installCoreModule } from '../../dev/host/coreModule.ts';
import { parseTimerSchedule } from '../../dev/host/timerSchedule.ts';
import { createStorage } from '../../dev/stack/createStorage.ts';
import { TABLES } from '../../shared/storage/tables/tableNames.ts';
import { type Azurite, startAzurite } from '../support/azurite.ts';
import { createAzureTables } from '../../shared/storage/tables/azureTables.ts';

const folder = resolve(import.meta.dirname, '../../functions');
const files = readdirSync(folder).filter((file) => file.endsWith('.ts'));

const everything = {
  MICROSOFT_TENANT: '11111111-2222-3333-4444-555555555555',
  MICROSOFT_CLIENT_ID: '22222222-3333-4444-5555-666666666666',
  MICROSOFT_CLIENT_SECRET: 'a-client-secret',
  MICROSOFT_SERVICE_PRINCIPAL_ID: '33333333-4444-5555-6666-777777777777',
  PUBLIC_URL: 'https://ai.company.com',
  LITELLM_BASE_URL: 'http://127.0.0.1:9',
  LITELLM_API_KEY: 'sk-never-used',
};
const optional = ['MICROSOFT_SERVICE_PRINCIPAL_ID', 'LITELLM_BASE_URL', 'LITELLM_API_KEY'] as const;

const eventSchema = z.object({
  event: z.string(),
  timers: z.array(z.object({ name: z.string(), ageSeconds: z.number(), periodSeconds: z.number() })),
  queues: z.array(z.object({ name: z.string(), oldestSeconds: z.number().optional() })),
});
const bindingSchema = z.looseObject({
  type: z.string(),
  schedule: z.string().optional(),
  queueName: z.string().optional(),
});

let azurite: Azurite;
/** The library asks for its core once, so the core that it gets passes everything on to the one of the moment. */
let registry: object = {};
installCoreModule(new Proxy({}, { get: (_target, key): unknown => Reflect.get(registry, key) }));

beforeAll(async () => {
  azurite = await startAzurite();
  await createStorage(azurite.connectionString);
});
afterAll(() => azurite.stop());

/** Loads all functions with these settings, and runs the heartbeat. */
async function loadAll(without: readonly string[]): Promise<CoreModule> {
  vi.resetModules();
  for (const name of Object.keys(everything)) delete process.env[name];
  const given = Object.entries(everything).filter(([name]) => !without.includes(name));
  Object.assign(process.env, Object.fromEntries(given), { AzureWebJobsStorage: azurite.connectionString });
  const core = createCoreModule(() => undefined);
  registry = core.exports;
  for (const file of files) await import(pathToFileURL(join(folder, file)).href);
  return core;
}

async function run(core: CoreModule, name: string): Promise<readonly string[]> {
  const logged: string[] = [];
  const logHandler = (_level: LogLevel, ...parts: readonly unknown[]): void => {
    logged.push(parts.join(' '));
  };
  const context = new InvocationContext({ invocationId: 'one', functionName: name, logHandler });
  await core.functions.get(name)?.callback({}, context);
  return logged;
}

async function beat(core: CoreModule): Promise<z.infer<typeof eventSchema>> {
  const logged = await run(core, 'heartbeat');
  expect(logged).toHaveLength(1);
  return eventSchema.parse(JSON.parse(logged[0] ?? ''));
}

/** Returns the bindings of one type of all functions, with the function's name. */
function bindingsOf(core: CoreModule, type: string) {
  return [...core.functions].flatMap(([name, { metadata }]) =>
    Object.values(metadata.bindings)
      .map((binding) => bindingSchema.parse(binding))
      .filter((binding) => binding.type === type)
      .map(({ schedule, queueName }) => ({ name, schedule, queueName })),
  );
}

describe.each([
  ['everything', []],
  ['no list of assigned groups and no proxy', optional],
] as const)('the heartbeat with %s', (_title, without) => {
  let core: CoreModule;
  beforeAll(async () => {
    core = await loadAll(without);
  });

  it('has every registered timer, with the longest time between two of its runs', async () => {
    const longestGap = (schedule: string): number => {
      const parsed = parseTimerSchedule(schedule);
      let due = parsed.next(new Date('2026-11-23T00:00:30.000Z'));
      let longest = 0;
      for (let index = 0; index < 300; index += 1) {
        const following = parsed.next(due);
        longest = Math.max(longest, (following.getTime() - due.getTime()) / 1000);
        due = following;
      }
      return longest;
    };
    const timers = bindingsOf(core, 'timerTrigger');
    expect(timers.map(({ name }) => name)).toContain('heartbeat');
    expect(timers.map(({ name }) => name).includes('assignedGroups')).toBe(without.length === 0);
    expect((await beat(core)).timers.map(({ name, periodSeconds }) => [name, periodSeconds])).toEqual(
      timers.map(({ name, schedule = '' }) => [name, longestGap(schedule)]),
    );
  });

  it('has every queue with a registered function, and no other', async () => {
    const queues = bindingsOf(core, 'queueTrigger').map(({ queueName }) => queueName);
    expect(queues).toHaveLength(without.length === 0 ? 4 : 2);
    expect((await beat(core)).queues.map(({ name }) => name)).toEqual(queues);
  });

  it('runs at least every 10 minutes, because the alert waits for 30', () => {
    const own = bindingsOf(core, 'timerTrigger').find(({ name }) => name === 'heartbeat');
    expect(own?.schedule).toBe('0 */10 * * * *');
  });
});

describe('the records', () => {
  const rowsOf = async (partitionKey: string): Promise<readonly string[]> => {
    const connection = { kind: 'connectionString', connectionString: azurite.connectionString } as const;
    const rows = await createAzureTables({ connection }).read(TABLES.heartbeats, { partitionKey });
    return rows
      .filter(({ properties }) => properties['succeeded_at'] !== undefined)
      .map(({ rowKey }) => rowKey);
  };

  it('of a timer is written at a success and not at a failure', async () => {
    const core = await loadAll(optional);
    await run(core, 'repairMemberIndexes');
    expect(await rowsOf('timer')).toContain('repairMemberIndexes');

    const failing = await loadAll([]);
    // No proxy listens there, and the check of the proxy says so: that is a success of the timer.
    await run(failing, 'checkLitellm');
    await expect(run(failing, 'repairLitellm')).rejects.toMatchObject({ code: 'litellm_unreachable' });
    const timers = await rowsOf('timer');
    expect(timers).toContain('checkLitellm');
    expect(timers).not.toContain('repairLitellm');
  });

  it('of a queue function is written at a success and not at a failure', async () => {
    const core = await loadAll(optional);
    const poison = core.functions.get('provisionPoison');
    const work = core.functions.get('provision');
    const context = new InvocationContext({
      invocationId: 'two',
      functionName: 'x',
      logHandler: () => undefined,
    });
    await poison?.callback('not ours', context);
    await expect(work?.callback('not ours', context)).rejects.toMatchObject({
      code: 'message_not_authentic',
    });
    expect(await rowsOf('queue_function')).toEqual(['provisionPoison']);
  });
});

describe('the source', () => {
  it('registers timers and queues only through the wrappers, which record each success', () => {
    const sources = ['functions', 'shared'].flatMap((name) => {
      const root = resolve(import.meta.dirname, '../..', name);
      return readdirSync(root, { recursive: true, encoding: 'utf8' })
        .filter((file) => file.endsWith('.ts'))
        .map((file) => [`${name}/${file}`, readFileSync(join(root, file), 'utf8')] as const);
    });
    const registering = sources.filter(([, text]) => /\bapp\.(?!http\(|hook\.)\w+\(/.test(text));
    expect(registering.map(([file]) => file).sort()).toEqual([
      'shared/triggers/onQueue.ts',
      'shared/triggers/onTimer.ts',
    ]);
  });
});
