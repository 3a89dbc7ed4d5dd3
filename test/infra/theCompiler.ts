import { findBicep } from '../../dev/infra/findBicep.ts';
import type { BicepCli } from '../../dev/infra/findBicep.ts';

/**
 * Gives the compiler, or undefined where this machine has none: then the tests that need it are skipped, and say so. Under
 * `CI=true` it throws instead, because there a check that did not run must not look like one that passed.
 */
export async function findTheCompiler(): Promise<BicepCli | undefined> {
  const { cli, tried } = await findBicep();
  if (cli !== undefined) return cli;
  const message = `There is no Bicep compiler, so the template was not checked:\n  ${tried.join('\n  ')}`;
  if (process.env['CI'] === 'true') throw new Error(message);
  console.warn(`${message}\nInstall it (or the .NET SDK, which brings it) to check the template here.`);
  return undefined;
}
