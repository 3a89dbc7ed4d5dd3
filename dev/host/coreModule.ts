/**
 * The built-in module `@azure/functions-core`, with which the unmodified library `@azure/functions` registers functions
 * and hooks.
 */
import Module from 'node:module';
import type { HostLog } from './hostLog.ts';
import type { FunctionCallback, FunctionMetadata, LogLevel, ProgrammingModel } from './programmingModel.ts';

const hookNames = ['appStart', 'appTerminate', 'preInvocation', 'postInvocation', 'log'] as const;
export type HookName = (typeof hookNames)[number];

export type HookCallback = (context: object) => unknown;

export interface RegisteredCallback {
  readonly metadata: FunctionMetadata;
  readonly callback: FunctionCallback;
}

export interface CoreModule {
  /** The result of `require('@azure/functions-core')`. */
  readonly exports: object;
  /** In the order of registration. */
  readonly functions: ReadonlyMap<string, RegisteredCallback>;
  /** Data that app hooks and invocation hooks share. */
  readonly appHookData: Record<string, unknown>;
  hooks(name: HookName): readonly HookCallback[];
  /** Ends the registration of functions and returns the model that the app chose. */
  finishStartup(): ProgrammingModel;
}

/** By this mark, the library tells the host's errors from the user's. */
class FunctionsSystemError extends Error {
  readonly isAzureFunctionsSystemError = true;
}

class FunctionsRangeError extends RangeError {
  readonly isAzureFunctionsSystemError = true;
}

class Disposable {
  readonly #dispose: () => void;
  constructor(dispose: () => void) {
    this.#dispose = dispose;
  }
  dispose(): void {
    this.#dispose();
  }
}

/** Creates an empty registry for one app. As in Azure, registering twice, too late, or an unknown hook throws. */
export function createCoreModule(log: HostLog): CoreModule {
  const functions = new Map<string, RegisteredCallback>();
  const hooks = new Map<HookName, HookCallback[]>(hookNames.map((name) => [name, []]));
  let model: ProgrammingModel | undefined;
  let started = false;

  function registerFunction(metadata: FunctionMetadata, callback: FunctionCallback): Disposable {
    if (started) {
      throw new FunctionsSystemError('A function can only be registered during app startup.');
    }
    if (functions.has(metadata.name)) {
      throw new FunctionsSystemError(`A function named "${metadata.name}" has already been registered.`);
    }
    functions.set(metadata.name, { metadata, callback });
    return new Disposable(() => {
      if (started) {
        throw new FunctionsSystemError('A function can only be disposed during app startup.');
      }
      functions.delete(metadata.name);
    });
  }

  function registerHook(name: string, callback: HookCallback): Disposable {
    const known = hookNames.find((candidate) => candidate === name);
    const callbacks = known === undefined ? undefined : hooks.get(known);
    if (callbacks === undefined) {
      throw new FunctionsRangeError(`Unrecognized hook "${name}"`);
    }
    callbacks.push(callback);
    return new Disposable(() => {
      const index = callbacks.indexOf(callback);
      if (index !== -1) {
        callbacks.splice(index, 1);
      }
    });
  }

  const exports = {
    version: '3.13.0',
    hostVersion: '4.1041.0',
    registerFunction,
    registerHook,
    setProgrammingModel: (chosen: ProgrammingModel): void => {
      model = chosen;
    },
    getProgrammingModel: (): ProgrammingModel | undefined => model,
    log: (level: LogLevel, _category: string, message: string): void => log(level, 'host', message),
    Disposable,
  };

  return {
    exports,
    functions,
    appHookData: {},
    hooks: (name) => hooks.get(name) ?? [],
    finishStartup: () => {
      started = true;
      if (model === undefined) {
        throw new Error('The app registered no function with @azure/functions.');
      }
      return model;
    },
  };
}

/** Makes `require('@azure/functions-core')` give these exports in this process, as the worker in Azure does. */
export function installCoreModule(exports: object): void {
  // The proxy passes `this` on, so the method stays bound to the module that calls it.
  // oxlint-disable-next-line typescript/unbound-method
  Module.prototype.require = new Proxy(Module.prototype.require, {
    apply: (target, thisArgument, args: [string]): unknown =>
      args[0] === '@azure/functions-core' ? exports : Reflect.apply(target, thisArgument, args),
  });
}
