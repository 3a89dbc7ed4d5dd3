/**
 * `node dev/infra/restoreBicep.ts`: restores the pinned Bicep compiler and prints its folder, for whoever wants that one first on the
 * PATH: a machine's own may be newer, know more rules and turn a check red that nobody here has changed.
 */
import { dirname } from 'node:path';
import { PINNED_VERSION, restoreFromNuGet } from './findBicep.ts';

try {
  const path = await restoreFromNuGet(process.env);
  if (path === undefined) throw new Error('it needs dotnet on the PATH, on a platform that has the package');
  console.log(dirname(path));
} catch (error) {
  const why = error instanceof Error ? error.message.split('\n')[0] : String(error);
  console.error(`The Bicep compiler ${PINNED_VERSION} cannot be restored: ${why}`);
  process.exitCode = 1;
}
