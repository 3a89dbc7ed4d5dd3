/** Puts every mutant into a copy of the template and says which named assertion notices it. */
import { readFileSync, readdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { assertions } from './assertions/assertions.ts';
import { startBicepServer } from './bicepServer.ts';
import type { BicepServer } from './bicepServer.ts';
import { compileParameters, compileTemplate, deployInTheory } from './deployInTheory.ts';
import { findFailing } from './findFailing.ts';
import { copyInfra, infraDir } from './infraCopy.ts';
import type { InfraCopy } from './infraCopy.ts';
import { meantDeployments } from './meantDeployments.ts';
import type { MeantDeployment } from './meantDeployments.ts';
import { makeMutants } from './mutants.ts';
import type { Mutant } from './mutants.ts';

export interface MutantResult {
  readonly mutant: Mutant;
  /** The assertion, and the deployment in which it failed; absent: nothing noticed. */
  readonly caughtBy?: { readonly assertion: string; readonly deployment: string };
}

/** Gives the mutants of all files of the template that is deployed; those of `main.bicepparam` are `makeChoiceMutants`'. */
export function readMutants(): readonly Mutant[] {
  const modules = readdirSync(join(infraDir, 'app')).sort();
  return ['main.bicep', ...modules.map((file) => `app/${file}`)].flatMap((file) =>
    makeMutants(file, readFileSync(join(infraDir, file), 'utf8')),
  );
}

/**
 * Gives a result for every mutant, in their order. `compilers` work at a time, each on a copy of its own.
 * Throws an Error where a mutant does not compile or cannot be computed, or where an assertion breaks on it instead of saying
 * what is wrong: then it is no small fault but a wrong operator, or a wrong assertion.
 */
export async function runMutants(
  bicepPath: string,
  mutants: readonly Mutant[],
  compilers: number,
): Promise<readonly MutantResult[]> {
  const results = new Map<Mutant, MutantResult>();
  const waiting = [...mutants];
  const work = async (): Promise<void> => {
    const bench = await createBench(bicepPath);
    try {
      for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
        results.set(mutant, await bench.run(mutant));
      }
    } finally {
      await bench.stop();
    }
  };
  await Promise.all(Array.from({ length: compilers }, work));
  return mutants.flatMap((mutant) => results.get(mutant) ?? []);
}

interface Bench {
  run(mutant: Mutant): Promise<MutantResult>;
  stop(): Promise<void>;
}

async function createBench(bicepPath: string): Promise<Bench> {
  const copy = await copyInfra(bicepPath, { linter: false });
  const server = startBicepServer(bicepPath);
  const template = await compileTemplate(server, copy);
  const parameters = new Map<string, string>();
  for (const { name } of meantDeployments) parameters.set(name, await compileParameters(server, copy, name));
  return {
    run: async (mutant) => {
      const original = readFileSync(join(infraDir, mutant.file), 'utf8');
      await writeFile(copy.path(mutant.file), mutant.text);
      try {
        return await tryMutant(mutant, { server, copy, template, parameters });
      } catch (error) {
        throw new Error(`The mutant cannot be judged: ${mutant.name}`, { cause: error });
      } finally {
        await writeFile(copy.path(mutant.file), original);
      }
    },
    stop: async () => {
      await server.stop();
      await copy.remove();
    },
  };
}

interface Tools {
  readonly server: BicepServer;
  readonly copy: InfraCopy;
  /** Of the template without fault. */
  readonly template: string;
  readonly parameters: ReadonlyMap<string, string>;
}

async function tryMutant(mutant: Mutant, tools: Tools): Promise<MutantResult> {
  const { server, copy, parameters } = tools;
  const template = mutant.changesTemplate ? await compileTemplate(server, copy) : tools.template;
  for (const meant of inOrderFor(mutant)) {
    const { name } = meant;
    const given = parameters.get(name) ?? '';
    const deployment = await deployInTheory({ server, copy, name, template, parameters: given });
    const assertion = findFailing(assertions, deployment, meant);
    if (assertion !== undefined) return { mutant, caughtBy: { assertion, deployment: name } };
  }
  return { mutant };
}

/** The deployments, those first that are likely to show the fault: each costs a third of a second. */
function inOrderFor(mutant: Mutant): readonly MeantDeployment[] {
  const first =
    firstByFile.get(mutant.file) ?? (mutant.isDefault ? ['default'] : ['everythingChosen', 'default']);
  const rank = (meant: MeantDeployment): number => {
    const at = first.indexOf(meant.name);
    return at < 0 ? first.length : at;
  };
  return [...meantDeployments].sort((a, b) => rank(a) - rank(b));
}

const firstByFile: ReadonlyMap<string, readonly string[]> = new Map([
  ['app/alerts.bicep', ['alertsWithMail']],
  ['app/entra.bicep', ['everythingChosen']],
  ['app/network.bicep', ['network']],
  ['app/workbook.bicep', ['default']],
]);
