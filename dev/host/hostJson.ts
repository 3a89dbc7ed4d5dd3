/** The parts of host.json that the local host follows, with the overrides in app settings. */
import { z } from 'zod';

const overridePrefix = 'azurefunctionsjobhost__';

const timeSpan = z.string().transform((text, context) => {
  try {
    return parseTimeSpanMs(text);
  } catch (error) {
    context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) });
    return z.NEVER;
  }
});

// Queue storage returns at most 32 messages a request.
const queuesSchema = z
  .object({
    batchSize: z.coerce.number().int().min(1).max(32).default(16),
    newBatchThreshold: z.coerce.number().int().min(0).optional(),
    maxDequeueCount: z.coerce.number().int().min(1).default(5),
    visibilityTimeout: timeSpan.default(0),
    maxPollingInterval: z
      .union([timeSpan, z.number()])
      .default(60_000)
      .transform((ms) => Math.max(ms, 100)),
    messageEncoding: z
      .string()
      .transform((text) => text.toLowerCase())
      .pipe(z.enum(['base64', 'none']))
      .default('base64'),
  })
  .prefault({});

const hostJsonSchema = z.object({
  version: z.literal('2.0'),
  logging: z.object({ logLevel: z.record(z.string(), z.string()).default({}) }).prefault({}),
  extensions: z
    .object({
      http: z.object({ routePrefix: z.string().default('api') }).prefault({}),
      queues: queuesSchema,
    })
    .prefault({}),
});

export interface QueueOptions {
  readonly batchSize: number;
  readonly newBatchThreshold: number;
  readonly maxDequeueCount: number;
  readonly visibilityTimeoutMs: number;
  readonly maxPollingIntervalMs: number;
  readonly messageEncoding: 'base64' | 'none';
}

export interface HostJson {
  readonly routePrefix: string;
  readonly queues: QueueOptions;
  /** The lowest level that is written, by category prefix (`default`, `Function`, `Function.provision`). */
  readonly logLevels: Readonly<Record<string, string>>;
}

/**
 * Parses the text of host.json under the overrides in the app settings
 * (`AzureFunctionsJobHost__extensions__queues__visibilityTimeout=00:00:01`, any case), with Azure's defaults.
 * Throws an Error that names what is wrong.
 */
export function parseHostJson(
  text: string,
  settings: Readonly<Record<string, string | undefined>>,
): HostJson {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    throw new Error('host.json is not JSON.', { cause: error });
  }
  const parsed = hostJsonSchema.safeParse(overrideWith(document, settings));
  if (!parsed.success) {
    throw new Error(`host.json is not valid: ${z.prettifyError(parsed.error)}`);
  }
  const { extensions, logging } = parsed.data;
  const { queues } = extensions;
  return {
    routePrefix: extensions.http.routePrefix.replaceAll(/^\/+|\/+$/g, ''),
    logLevels: logging.logLevel,
    queues: {
      batchSize: queues.batchSize,
      newBatchThreshold: queues.newBatchThreshold ?? Math.floor(queues.batchSize / 2),
      maxDequeueCount: queues.maxDequeueCount,
      visibilityTimeoutMs: queues.visibilityTimeout,
      maxPollingIntervalMs: queues.maxPollingInterval,
      messageEncoding: queues.messageEncoding,
    },
  };
}

function overrideWith(document: unknown, settings: Readonly<Record<string, string | undefined>>): unknown {
  let result = document;
  for (const [name, value] of Object.entries(settings)) {
    if (value !== undefined && name.toLowerCase().startsWith(overridePrefix)) {
      result = replaceAt(result, name.slice(overridePrefix.length).split('__'), value);
    }
  }
  return result;
}

function replaceAt(document: unknown, path: readonly string[], value: string): unknown {
  const [first, ...rest] = path;
  if (first === undefined) {
    return value;
  }
  const members: Record<string, unknown> =
    typeof document === 'object' && document !== null && !Array.isArray(document) ? { ...document } : {};
  const key = Object.keys(members).find((name) => name.toLowerCase() === first.toLowerCase()) ?? first;
  members[key] = replaceAt(members[key], rest, value);
  return members;
}

const timeSpanPattern = /^(?:(\d+)\.)?(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,7}))?)?$/;

/**
 * Parses .NET's `[d.]hh:mm[:ss[.fffffff]]`, the form of durations in host.json, into milliseconds.
 * Throws a RangeError for anything else.
 */
function parseTimeSpanMs(text: string): number {
  const match = timeSpanPattern.exec(text.trim());
  if (match === null) {
    throw new RangeError(`"${text}" is not a duration. Write it as hh:mm:ss.`);
  }
  const [, days = '0', hours = '0', minutes = '0', seconds = '0', fraction = '0'] = match;
  if (Number(hours) > 23 || Number(minutes) > 59 || Number(seconds) > 59) {
    throw new RangeError(`"${text}" is not a duration: hours end at 23, minutes and seconds at 59.`);
  }
  const wholeSeconds = ((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds);
  return wholeSeconds * 1000 + Math.round(Number(`0.${fraction}`) * 1000);
}
