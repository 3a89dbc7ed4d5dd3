import { findBicep } from '../../dev/infra/findBicep.ts';
import type { BicepCli } from '../../dev/infra/findBicep.ts';

/**
 * Gives the compiler, or undefined where this machine has none: then the tests that need it are skipped, and say so. Under
 * `CI=true` it throws instead, because there a check that did not run must not look like one that passed. `environment` says
 * where to look (as for `findBicep`) and whether it is CI.
 */
export async function findTheCompiler(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Promise<BicepCli | undefined> {
  const { cli, tried } = await findBicep(environment);
  if (cli !== undefined) return cli;
  const message = `There is no Bicep compiler, so the template was not checked:\n  ${tried.join('\n  ')}`;
  if (environment['CI'] === 'true') throw new Error(message);
  console.warn(`${message}\nInstall it (or the .NET SDK, which brings it) to check the template here.`);
  return undefined;
}
