/**
 * `npm run sync`: compares the store with LiteLLM and syncs what differs. With `--dry-run` it prints the differences and changes
 * nothing. Without an account it works on `AzureWebJobsStorage`, else on the local stack.
 */
import type { SyncSubject } from '../shared/model/synced.ts';
import { parseArgs } from 'node:util';
import { errorCodeOf } from '../shared/model/errors.ts';
import { type Compared, compareWithLitellm } from '../shared/litellm/compareWithLitellm.ts';
import { inParallel } from '../shared/platform/inParallel.ts';
import { sync } from '../shared/litellm/sync.ts';
import { DifferenceTally } from '../shared/litellm/repairLitellm.ts';
import { connect, type Connection } from './connectLitellm.ts';
import { renderDifference, TABLE_HEAD } from './renderDifference.ts';

const HELP = `npm run sync -- --dry-run     prints what differs between the store and LiteLLM; changes nothing
npm run sync                  syncs what differs, whether or not the app runs

  --account NAME   a storage account in Azure, opened with the account that "az login" signed in (roles: Storage
                   Table Data Contributor and Storage Queue Data Message Sender). Without it: AzureWebJobsStorage,
                   else the local stack that npm start runs.

The proxy comes from LITELLM_BASE_URL and LITELLM_API_KEY. Without them, it is that of the local stack, or, for any
other storage, that of local.settings.json.

add, change, remove   what a sync does
differs               changed in LiteLLM since the last sync, so it stays
left alone            created or added in LiteLLM, or cannot be changed
`;

/** Syncs at a time: few, since the app may be running syncs too. */
const PARALLEL_SYNCS = 4;

/** Runs syncs, prints each, and counts how they ended. */
class Progress {
  done = 0;
  waiting = 0;
  failed = 0;
  added = 0;
  changed = 0;
  removed = 0;

  async run({ deps }: Connection, subject: SyncSubject): Promise<void> {
    const name = `${subject.kind} ${subject.id}`;
    try {
      const {
        status,
        reason,
        changes,
        reported = [],
      } = await sync(deps, { version: 1, subject }, { attempt: 1 });
      if (status === 'waiting') {
        this.waiting += 1;
        console.log(`  waiting  ${name}: ${reason ?? 'busy'}; the app will try again`);
        return;
      }
      this.done += 1;
      this.added += changes?.added ?? 0;
      this.changed += changes?.changed ?? 0;
      this.removed += changes?.removed ?? 0;
      const notes = reported.map(({ code, kind, id }) => `${code} ${kind} ${id}`);
      console.log(`  synced   ${name}${notes.length === 0 ? '' : `: ${notes.slice(0, 5).join(', ')}`}`);
    } catch (error) {
      this.failed += 1;
      console.error(`  failed   ${name}: ${errorCodeOf(error)}`);
    }
  }
}

function renderCompared(compared: Compared, tally: DifferenceTally): string {
  const { organizations, teams, people, memberships, otherOrganizations, otherTeams } = compared;
  const { toAdd, toChange, toRemove, differing, leftAlone } = tally.counts;
  return [
    `Compared ${organizations} organizations, ${teams} teams, ${people} people, ${memberships} memberships;`,
    `${otherOrganizations} organizations and ${otherTeams} teams in LiteLLM are not ours.`,
    `${toAdd} to add, ${toChange} to change, ${toRemove} to remove; ${differing} differ, ${leftAlone} left alone.`,
  ].join('\n');
}

/** Syncs while it compares, so that it keeps no list of differences. Each sync reads the present state again. */
async function run(connection: Connection, isDryRun: boolean): Promise<Progress> {
  const tally = new DifferenceTally();
  const progress = new Progress();
  let isHeadShown = false;
  const compared = await compareWithLitellm(connection.deps, async (differences) => {
    if (!isHeadShown) console.log(TABLE_HEAD);
    isHeadShown = true;
    for (const difference of differences) console.log(renderDifference(difference));
    const subjects = tally.take(differences);
    if (isDryRun) return;
    await inParallel(subjects, PARALLEL_SYNCS, async (subject) => progress.run(connection, subject));
  });
  console.log(`\n${renderCompared(compared, tally)}`);
  return progress;
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      'dry-run': { type: 'boolean', default: false },
      account: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help || positionals.length > 0) {
    console.log(HELP);
    if (!values.help) process.exitCode = 2;
    return;
  }
  const isDryRun = values['dry-run'];
  const connection = await connect(values.account, { isDryRun });
  console.log(`${isDryRun ? 'Compares' : 'Compares and syncs'}: ${connection.baseUrl}\n`);
  const { done, waiting, failed, added, changed, removed } = await run(connection, isDryRun);
  if (isDryRun) {
    console.log('Nothing was changed.');
    return;
  }
  console.log(`Synced ${done}; ${waiting} waiting, ${failed} failed.`);
  console.log(`Memberships: ${added} added, ${changed} changed, ${removed} removed.`);
  if (failed > 0) process.exitCode = 1;
}

try {
  await main();
} catch (error) {
  console.error(`${error instanceof Error ? error.message : String(error)} (${errorCodeOf(error)})`);
  process.exitCode = 1;
}
