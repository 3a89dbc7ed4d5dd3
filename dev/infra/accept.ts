/** `npm run infra:accept`: writes `infra/snapshots/` from the present state of the repository. Refuses under `CI=true`. */
import { requireBicep } from './findBicep.ts';
import { snapshotsDir, startInfraCheck } from './infraCheck.ts';
import { acceptSnapshots } from './snapshots.ts';
import { parseArguments } from '../../terminal/arguments.ts';
import { runCommand } from '../../terminal/runCommand.ts';

await runCommand({
  help: 'npm run infra:accept     writes infra/snapshots/ from the present state of the repository',
  run: async (args) => {
    parseArguments(args, {});
    const check = await startInfraCheck(await requireBicep());
    try {
      const snapshots = await check.makeSnapshots();
      acceptSnapshots(snapshotsDir, snapshots, process.env);
      console.log(`Wrote ${snapshots.size} files to infra/snapshots. Read the diff before you commit it.`);
    } finally {
      await check.stop();
    }
  },
});
