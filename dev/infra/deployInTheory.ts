/** Compiles a copy of the template and gives each deployment as it would be. */
import type { BicepServer } from './bicepServer.ts';
import type { InfraCopy } from './infraCopy.ts';
import { resolveDeployment } from './resolveDeployment.ts';
import type { Deployment } from './resolveDeployment.ts';
import { place } from './standIns.ts';

/** Throws an Error with the compiler's own errors where the template does not compile. */
export async function compileTemplate(server: BicepServer, copy: InfraCopy): Promise<string> {
  const { success, diagnostics, contents } = await server.compile(copy.path('main.bicep'));
  if (success && typeof contents === 'string') return contents;
  const errors = diagnostics
    .filter((each) => each.level === 'Error')
    .map((each) => `${each.code} ${each.message}`);
  throw new Error(`The template does not compile: ${errors.join('; ')}`);
}

/** Gives the parameters of `check/<name>.bicepparam`, as JSON text. */
export async function compileParameters(server: BicepServer, copy: InfraCopy, name: string): Promise<string> {
  const file = copy.path(`check/${name}.bicepparam`);
  const { parameters, diagnostics } = await server.compileParams(file);
  if (typeof parameters === 'string') return parameters;
  throw new Error(`${name} does not compile: ${diagnostics.map((each) => each.message).join('; ')}`);
}

export interface TheoreticalDeployment {
  readonly server: BicepServer;
  readonly copy: InfraCopy;
  readonly name: string;
  /** The compiled template, and the parameters, as JSON text. */
  readonly template: string;
  readonly parameters: string;
}

/** Gives what deploying `check/<name>.bicepparam` would create. */
export async function deployInTheory(input: TheoreticalDeployment): Promise<Deployment> {
  const { server, copy, name, template, parameters } = input;
  const snapshot = await server.snapshot(copy.path(`check/${name}.bicepparam`), place);
  return resolveDeployment({ snapshot, template, parameters });
}
