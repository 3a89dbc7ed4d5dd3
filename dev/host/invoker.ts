/** Runs one call of a function through the library, hooks included, exactly as the worker in Azure does. */
import { randomUUID } from 'node:crypto';
import { format } from 'node:util';
import type { CoreModule, HookName, RegisteredCallback } from './coreModule.ts';
import type { HostLog } from './hostLog.ts';
import {
  type CoreInvocationContext,
  type FunctionCallback,
  type InputData,
  type InvocationResponse,
  type LogLevel,
  type ProgrammingModel,
  type TraceContext,
  invocationResponseSchema,
} from './programmingModel.ts';
import { createTraceContext } from './traceContext.ts';

export interface Invocation {
  readonly functionName: string;
  /** The trigger's binding name and value. */
  readonly input?: { readonly name: string; readonly data: InputData };
  readonly triggerMetadata?: Readonly<Record<string, InputData>>;
  readonly traceContext?: TraceContext;
}

export interface Invoker {
  /** Runs the function and returns the library's answer. Throws what the function or a hook threw. */
  invoke(invocation: Invocation): Promise<InvocationResponse>;
  /** Waits at most `timeoutMs` until no call is running. Returns how many are still running. */
  drain(timeoutMs: number): Promise<number>;
}

export interface InvokerOptions {
  readonly core: CoreModule;
  readonly model: ProgrammingModel;
  readonly log: HostLog;
}

/** Creates the invoker of one loaded app. */
export function createInvoker(options: InvokerOptions): Invoker {
  const running = new Set<Promise<unknown>>();

  async function invokeLogged(invocation: Invocation): Promise<InvocationResponse> {
    const { functionName } = invocation;
    const startMs = performance.now();
    try {
      const registered = options.core.functions.get(functionName);
      if (registered === undefined) {
        throw new Error(`The app has no function "${functionName}".`);
      }
      const response = await runOnce(options, registered, invocation);
      options.log('information', functionName, `Executed (Succeeded, ${elapsedMs(startMs)} ms)`);
      return response;
    } catch (error) {
      options.log('error', functionName, `Executed (Failed, ${elapsedMs(startMs)} ms) ${format(error)}`);
      throw error;
    }
  }

  return {
    invoke: async (invocation) => {
      const call = invokeLogged(invocation);
      running.add(call);
      try {
        return await call;
      } finally {
        running.delete(call);
      }
    },
    drain: async (timeoutMs) => {
      let timer: NodeJS.Timeout | undefined;
      const timeout = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, timeoutMs);
      });
      await Promise.race([Promise.allSettled(running), timeout]);
      clearTimeout(timer);
      return running.size;
    },
  };
}

function elapsedMs(startMs: number): number {
  return Math.round(performance.now() - startMs);
}

async function runOnce(
  options: InvokerOptions,
  registered: RegisteredCallback,
  invocation: Invocation,
): Promise<InvocationResponse> {
  const { core } = options;
  const coreContext = createCoreContext(options, registered, invocation);
  const model = await options.model.getInvocationModel(coreContext);
  const { context, inputs } = await model.getArguments();
  const shared = { hookData: {}, appHookData: core.appHookData, invocationContext: context };

  // Hooks replace inputs, handler, result or error by changing these two objects in place.
  const before: { functionCallback: FunctionCallback; inputs: readonly unknown[] } = {
    ...shared,
    functionCallback: registered.callback,
    inputs,
  };
  await runHooks('preInvocation', before, coreContext);

  const after: { inputs: readonly unknown[]; result: unknown; error: unknown } = {
    ...shared,
    inputs: before.inputs,
    result: null,
    error: null,
  };
  coreContext.state = 'invocation';
  try {
    after.result = await model.invokeFunction(context, before.inputs, before.functionCallback);
  } catch (error) {
    after.error = error;
  } finally {
    coreContext.state = undefined;
  }
  await runHooks('postInvocation', after, coreContext);
  if (after.error !== null && after.error !== undefined) {
    // A hook may have replaced the error by a value that isn't an Error.
    throw after.error instanceof Error ? after.error : new Error(format(after.error));
  }
  return invocationResponseSchema.parse(await model.getResponse(context, after.result));

  async function runHooks(
    name: Extract<HookName, 'preInvocation' | 'postInvocation'>,
    hookContext: object,
    during: CoreInvocationContext,
  ): Promise<void> {
    during.state = `${name}Hooks`;
    try {
      for (const hook of core.hooks(name)) {
        await hook(hookContext);
      }
    } finally {
      during.state = undefined;
    }
  }
}

function createCoreContext(
  options: InvokerOptions,
  registered: RegisteredCallback,
  invocation: Invocation,
): CoreInvocationContext {
  const invocationId = randomUUID();
  return {
    invocationId,
    metadata: registered.metadata,
    request: {
      invocationId,
      inputData: invocation.input === undefined ? [] : [invocation.input],
      triggerMetadata: invocation.triggerMetadata ?? {},
      traceContext: invocation.traceContext ?? createTraceContext(),
    },
    state: undefined,
    log: (level: LogLevel, category: string, message: string) => {
      const entry = { hookData: options.core.appHookData, level, category, message };
      for (const hook of options.core.hooks('log')) {
        hook(entry);
      }
      options.log(entry.level, invocation.functionName, entry.message);
    },
  };
}
