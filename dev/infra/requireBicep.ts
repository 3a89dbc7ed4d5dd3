/** Prints the path of the pinned Bicep compiler, restored if need be; fails where this machine cannot have it. */
import { requireBicep } from './findBicep.ts';

try {
  console.log(await requireBicep());
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
