/** What starts a function, parsed from what it registered. */
import { z } from 'zod';
import type { FunctionMetadata } from './programmingModel.ts';

const authLevels = ['anonymous', 'function', 'admin'] as const;
export type AuthLevel = (typeof authLevels)[number];

export type Trigger =
  | {
      readonly kind: 'http';
      /** The route template without prefix. An absent or empty one is the function's name, as in Azure. */
      readonly route: string;
      /** Upper case; empty allows every method. */
      readonly methods: readonly string[];
      readonly authLevel: AuthLevel;
    }
  | { readonly kind: 'queue'; readonly queueName: string; readonly connection: string }
  | {
      readonly kind: 'timer';
      readonly schedule: string;
      readonly runOnStartup: boolean;
      readonly useMonitor: boolean;
    }
  | { readonly kind: 'warmup' };

/** A queue that a function writes to: the name of the binding, and where. */
export interface QueueOutput {
  readonly bindingName: string;
  readonly queueName: string;
  readonly connection: string;
}

export interface FunctionTrigger {
  /** The trigger's binding name, which the input data must carry. */
  readonly bindingName: string;
  readonly trigger: Trigger;
  readonly queueOutputs: readonly QueueOutput[];
}

type Settings = Readonly<Record<string, string | undefined>>;

const bindingSchema = z.looseObject({ type: z.string(), direction: z.enum(['in', 'out']) });

const httpSchema = z.object({
  route: z.string().optional(),
  methods: z.array(z.string().transform((method) => method.toUpperCase())).default([]),
  authLevel: z
    .string()
    .transform((level) => level.toLowerCase())
    .pipe(z.enum(authLevels)),
});

const queueSchema = z.object({ queueName: z.string(), connection: z.string().default('') });

const timerSchema = z.object({
  schedule: z.string(),
  runOnStartup: z.boolean().default(false),
  useMonitor: z.boolean().default(true),
});

/**
 * Parses one function's bindings; `%NAME%` in queue names and schedules is replaced by the app setting.
 * Throws an Error that names the function and the binding for whatever the local host does not run: it never
 * starts an app of which it would silently leave out a part.
 */
export function parseFunctionTrigger(metadata: FunctionMetadata, settings: Settings): FunctionTrigger {
  const bindings = Object.entries(metadata.bindings).map(([name, value]) => ({
    name,
    binding: bindingSchema.parse(value),
  }));
  const trigger = bindings.find(({ binding }) => /trigger$/i.test(binding.type));
  if (trigger === undefined) {
    throw new Error(`Function "${metadata.name}" has no trigger.`);
  }
  const others = bindings.filter((candidate) => candidate !== trigger);
  const queueOutputs: QueueOutput[] = [];
  for (const { name, binding } of others) {
    if (binding.direction === 'out' && binding.type === 'queue') {
      const { queueName, connection } = queueSchema.parse(binding);
      queueOutputs.push({ bindingName: name, queueName: resolve(queueName, settings), connection });
    } else if (binding.direction === 'in' || binding.type !== 'http') {
      throw new Error(
        `Function "${metadata.name}" has a binding of type "${binding.type}" (${binding.direction}), which the local host does not run.`,
      );
    }
  }
  return {
    bindingName: trigger.name,
    trigger: parseTrigger(metadata.name, trigger.binding, settings),
    queueOutputs,
  };
}

function parseTrigger(
  functionName: string,
  binding: z.infer<typeof bindingSchema>,
  settings: Settings,
): Trigger {
  switch (binding.type.toLowerCase()) {
    case 'httptrigger': {
      const { route, methods, authLevel } = httpSchema.parse(binding);
      return {
        kind: 'http',
        route: route === undefined || route === '' ? functionName : route,
        methods,
        authLevel,
      };
    }
    case 'queuetrigger': {
      const { queueName, connection } = queueSchema.parse(binding);
      return { kind: 'queue', queueName: resolve(queueName, settings), connection };
    }
    case 'timertrigger': {
      const { schedule, runOnStartup, useMonitor } = timerSchema.parse(binding);
      return { kind: 'timer', schedule: resolve(schedule, settings), runOnStartup, useMonitor };
    }
    case 'warmuptrigger':
      return { kind: 'warmup' };
    default:
      throw new Error(
        `Function "${functionName}" has a trigger of type "${binding.type}", which the local host does not run.`,
      );
  }
}

function resolve(text: string, settings: Settings): string {
  return text.replaceAll(/%([^%]+)%/g, (_match, name: string) => {
    const value = settings[name];
    if (value === undefined) {
      throw new Error(`The app setting "${name}", which a binding refers to, is missing.`);
    }
    return value;
  });
}
