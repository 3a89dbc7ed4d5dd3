import { requireBicep } from '../../dev/infra/findBicep.ts';

/**
 * Returns the path of the pinned compiler. Without it, prints a warning and returns undefined, and the tests that need it are
 * skipped. Under `CI=true` it throws instead, because a check that did not run must not look like one that passed. `environment`
 * determines where to look (as for `findBicep`) and whether this is CI.
 */
export async function findTheCompiler(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Promise<string | undefined> {
  try {
    return await requireBicep(environment);
  } catch (error) {
    if (environment['CI'] === 'true') throw error;
    console.warn(`SKIPPED: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}
