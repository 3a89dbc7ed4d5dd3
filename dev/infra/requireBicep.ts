/** Prints the path of the pinned Bicep compiler and restores it if needed. Fails if this machine cannot get the compiler. */
import { requireBicep } from './findBicep.ts';

try {
  console.log(await requireBicep());
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
