/** What starts a function, parsed from what it registered. */
import { z } from 'zod';
import type { FunctionMetadata } from './programmingModel.ts';

const authLevels = ['anonymous', 'function', 'admin'] as const;
export type AuthLevel = (typeof authLevels)[number];

export type Trigger =
  | {
      readonly kind: 'http';
      /** The route template without prefix. As in Azure, an absent or empty template becomes the function's name. */
      readonly route: string;
      /** In upper case. An empty list allows every method. */
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

export interface FunctionTrigger {
  /** The trigger's binding name, which the input data must have. */
  readonly bindingName: string;
  readonly trigger: Trigger;
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
 * Parses one function's bindings. Replaces `%NAME%` in queue names and schedules by the app setting.
 * Throws an Error that names the function and the binding if the local host cannot run it. So the host never starts
 * an app and silently leaves out a part.
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
  const unsupported = bindings.find(
    (other) => other !== trigger && (other.binding.direction === 'in' || other.binding.type !== 'http'),
  );
  if (unsupported !== undefined) {
    const { type, direction } = unsupported.binding;
    throw new Error(
      `Function "${metadata.name}" has a binding of type "${type}" (${direction}), which the local host does not run.`,
    );
  }
  return {
    bindingName: trigger.name,
    trigger: parseTrigger(metadata.name, trigger.binding, settings),
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
