/** One loaded app with everything that starts its functions. */
import { join } from 'node:path';
import { createAdminListener, type ManualStart } from './adminListener.ts';
import type { CoreModule } from './coreModule.ts';
import { type FunctionTrigger, parseFunctionTrigger } from './functionTrigger.ts';
import type { HostJson } from './hostJson.ts';
import type { HostLog } from './hostLog.ts';
import { createHttpListener, type HttpFunction } from './httpListener.ts';
import { createInvoker, type Invoker } from './invoker.ts';
import type { ProgrammingModel } from './programmingModel.ts';
import { type QueueListener, startQueueListener } from './queueListener.ts';
import { toQueueInput, toTriggerMetadata } from './queueMessage.ts';
import { createRouteTable, type RouteEntry } from './routeTable.ts';
import { startTimerListener, type TimerListener } from './timerListener.ts';
import { parseTimerSchedule } from './timerSchedule.ts';

type Settings = Readonly<Record<string, string | undefined>>;

export interface FunctionsHostOptions {
  readonly core: CoreModule;
  readonly model: ProgrammingModel;
  readonly hostJson: HostJson;
  readonly settings: Settings;
  readonly functionKey: string;
  readonly url: string;
  readonly stateDir: string | undefined;
  readonly log: HostLog;
}

export interface FunctionsHost {
  readonly functions: readonly { readonly name: string; readonly trigger: string; readonly detail: string }[];
  readonly httpListener: ReturnType<typeof createHttpListener>;
  /** Runs warm-up functions, then starts queues and timers. */
  start(): Promise<void>;
  /** Starts no more calls, and waits at most `timeoutMs` for those that are running. */
  stop(timeoutMs: number): Promise<void>;
}

/**
 * Prepares every registered function except those that `AzureWebJobs.<name>.Disabled=true` turns off.
 * Throws an Error for a trigger, route, schedule or connection that the local host cannot use.
 */
export function createFunctionsHost(options: FunctionsHostOptions): FunctionsHost {
  const triggers = parseTriggers(options);
  const invoker = createInvoker({
    core: options.core,
    model: options.model,
    log: options.log,
  });
  const starters = [...triggers].map(([name, parsed]) => createStarter(options, invoker, { name, parsed }));
  const manualStarts = new Map<string, ManualStart>();
  const queues: QueueListener[] = [];
  const timers: TimerListener[] = [];
  return {
    functions: [...triggers].map(([name, { trigger }]) => ({
      name,
      trigger: trigger.kind,
      detail: describe(trigger, options),
    })),
    httpListener: createHttpListener({
      ...collectHttp(triggers, options.hostJson.routePrefix),
      invoker,
      functionKey: options.functionKey,
      homepage: options.settings['AzureWebJobsDisableHomepage']?.toLowerCase() !== 'true',
      log: options.log,
      admin: createAdminListener(manualStarts),
    }),
    start: async () => {
      for (const [functionName, { trigger }] of triggers) {
        if (trigger.kind === 'warmup') {
          await invoker.invoke({ functionName }).catch(() => undefined);
        }
      }
      for (const start of starters) {
        start({ manualStarts, queues, timers });
      }
    },
    stop: async (timeoutMs) => {
      for (const timer of timers) {
        timer.stop();
      }
      await Promise.all(queues.map(async (queue) => queue.stopPolling()));
      const left = await invoker.drain(timeoutMs);
      if (left > 0) {
        options.log(
          'warning',
          'host',
          `${left} calls were still running after ${timeoutMs} ms and were abandoned.`,
        );
        return;
      }
      await Promise.all(queues.map(async (queue) => queue.finished()));
    },
  };
}

interface Started {
  readonly manualStarts: Map<string, ManualStart>;
  readonly queues: QueueListener[];
  readonly timers: TimerListener[];
}

/** Creates the starter of one function's listener. Throws for every fault now, so that the start itself cannot fail. */
function createStarter(
  options: FunctionsHostOptions,
  invoker: Invoker,
  { name, parsed }: { readonly name: string; readonly parsed: FunctionTrigger },
): (started: Started) => void {
  const { trigger, bindingName } = parsed;
  const { log } = options;
  if (trigger.kind === 'queue') {
    const connectionString = requireStorageConnection(trigger.connection, options.settings);
    const { queueName } = trigger;
    return ({ queues, manualStarts }) => {
      const run = async (text: string, triggerMetadata = {}): Promise<unknown> =>
        invoker.invoke({
          functionName: name,
          input: { name: bindingName, data: toQueueInput(text) },
          triggerMetadata,
        });
      queues.push(
        startQueueListener({
          functionName: name,
          queueName,
          connectionString,
          options: options.hostJson.queues,
          log,
          run: async (message, text) => run(text, toTriggerMetadata(message, text)),
        }),
      );
      manualStarts.set(name, (input) => void run(input).catch(() => undefined));
    };
  }
  if (trigger.kind === 'timer') {
    const { runOnStartup, useMonitor } = trigger;
    const schedule = parseTimerSchedule(trigger.schedule);
    return ({ timers, manualStarts }) => {
      const timer = startTimerListener({
        functionName: name,
        schedule,
        runOnStartup,
        useMonitor,
        stateDir: options.stateDir === undefined ? undefined : join(options.stateDir, 'timers'),
        log,
        run: async (data) => invoker.invoke({ functionName: name, input: { name: bindingName, data } }),
      });
      timers.push(timer);
      manualStarts.set(name, () => timer.runNow());
    };
  }
  return () => undefined;
}

function parseTriggers(options: FunctionsHostOptions): ReadonlyMap<string, FunctionTrigger> {
  const triggers = new Map<string, FunctionTrigger>();
  for (const [name, { metadata }] of options.core.functions) {
    const setting = options.settings[`AzureWebJobs.${name}.Disabled`];
    if (setting?.toLowerCase() === 'true' || setting === '1') {
      options.log('information', 'host', `${name} is disabled.`);
    } else {
      triggers.set(name, parseFunctionTrigger(metadata, options.settings));
      if (metadata.retryOptions !== undefined && metadata.retryOptions !== null) {
        options.log('warning', 'host', `${name} has a retry policy, which the local host does not follow.`);
      }
    }
  }
  return triggers;
}

function collectHttp(
  triggers: ReadonlyMap<string, FunctionTrigger>,
  routePrefix: string,
): Pick<Parameters<typeof createHttpListener>[0], 'routes' | 'functions'> {
  const entries: RouteEntry[] = [];
  const functions = new Map<string, HttpFunction>();
  for (const [functionName, { trigger, bindingName }] of triggers) {
    if (trigger.kind === 'http') {
      entries.push({ functionName, route: trigger.route, methods: trigger.methods });
      functions.set(functionName, { authLevel: trigger.authLevel, bindingName });
    }
  }
  return { routes: createRouteTable(entries, routePrefix), functions };
}

function describe(trigger: FunctionTrigger['trigger'], options: FunctionsHostOptions): string {
  switch (trigger.kind) {
    case 'http': {
      const path = [options.hostJson.routePrefix, trigger.route.replaceAll(/^\/+|\/+$/g, '')]
        .filter((part) => part !== '')
        .join('/');
      const methods = trigger.methods.length === 0 ? 'ANY' : trigger.methods.join(',');
      return `${methods} ${options.url}/${path}`;
    }
    case 'queue':
      return trigger.queueName;
    case 'timer':
      return trigger.schedule;
    case 'warmup':
      return 'before the first request';
    default:
      return trigger satisfies never;
  }
}

/**
 * Returns the connection string that a binding's `connection` names: the app setting of that name, or the one with
 * `AzureWebJobs` in front, as in Azure. An empty name means `AzureWebJobsStorage`.
 * Throws an Error that names the setting if it is missing.
 */
function requireStorageConnection(
  connection: string,
  settings: Readonly<Record<string, string | undefined>>,
): string {
  const name = connection === '' ? 'AzureWebJobsStorage' : connection;
  const value = settings[name] ?? settings[`AzureWebJobs${name}`];
  if (value === undefined || value === '') {
    throw new Error(`The app setting "${name}" with the storage connection string is missing.`);
  }
  return value;
}
