/** Loads an entry file as the worker in Azure does, with the unmodified library, and calls the registered function directly. */
import {
  HttpRequest,
  type HttpRequestInit,
  type HttpResponseInit,
  InvocationContext,
  type LogLevel,
} from '@azure/functions';
import { createCoreModule, installCoreModule } from '../../dev/host/coreModule.ts';

export interface Called {
  readonly answer: HttpResponseInit;
  /** The logged lines, each with its level, as `error {"event":…}`. */
  readonly logged: readonly string[];
}

export type Call = (request: HttpRequestInit) => Promise<Called>;

const core = createCoreModule(() => undefined);
installCoreModule(core.exports);

/**
 * Returns a function that calls the Azure function `name`. `load` imports the entry file that registers it and that reads the
 * settings of this process. Only for functions with an HTTP trigger.
 */
export async function loadFunction(name: string, load: () => Promise<unknown>): Promise<Call> {
  await load();
  const registered = core.functions.get(name);
  if (registered === undefined) throw new Error(`The file registers no function "${name}".`);
  return async (request) => {
    const logged: string[] = [];
    const logHandler = (level: LogLevel, ...parts: readonly unknown[]): void => {
      logged.push([level, ...parts].join(' '));
    };
    const context = new InvocationContext({ invocationId: 'invocation-1', functionName: name, logHandler });
    const answer: unknown = await registered.callback(new HttpRequest(request), context);
    if (!isAnswer(answer)) throw new Error('The function returned no answer.');
    return { answer, logged };
  };
}

function isAnswer(answer: unknown): answer is HttpResponseInit {
  return typeof answer === 'object' && answer !== null;
}
