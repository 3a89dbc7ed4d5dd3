/**
 * `npm run sync`: compares the store with LiteLLM and syncs what differs. With `--dry-run` it prints the differences and changes
 * nothing. Without an account it works on `AzureWebJobsStorage`, else on the local stack.
 */
import { errorCodeOf } from '../shared/model/errors.ts';
import { type Compared, compareWithLitellm } from '../shared/litellm/compareWithLitellm.ts';
import { inParallel } from '../shared/platform/inParallel.ts';
import { countRestingKeys, type RestingCounts } from '../shared/litellm/keys/repairKeys.ts';
import { readBudgetShares } from '../shared/litellm/readBudgetShares.ts';
import { syncOutsideQueue } from '../shared/litellm/sync.ts';
import type { LitellmDifference } from '../shared/litellm/differences.ts';
import type { SyncTask } from '../shared/litellm/loadTally.ts';
import { DifferenceTally } from '../shared/litellm/repairLitellm.ts';
import { parseArguments } from '../terminal/arguments.ts';
import { UsageError } from '../terminal/commandError.ts';
import { print, printError } from '../terminal/print.ts';
import { runCommand } from '../terminal/runCommand.ts';
import { connect, type Connection } from './connectLitellm.ts';
import { renderDifference, TABLE_HEAD, withoutPersonalValues } from './renderDifference.ts';
import { renderProxy } from './renderProxy.ts';
import { readStorageArguments, storageHelp, storageOptions } from './storageArguments.ts';

const HELP = `npm run sync -- --dry-run     prints what differs between the store and LiteLLM; changes nothing
npm run sync                  syncs what differs, whether or not the app runs. Prints what has to wait, and enqueues nothing

  --id ID          only what has this id: a person, an organization, a team, and their memberships
  --json           with --dry-run: one line of JSON for the proxy, for each difference, and for the end
${storageHelp('role: Storage Table Data\n                   Contributor')}

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
  /** What should follow the syncs that have run. */
  later: SyncTask[] = [];

  async run({ deps }: Connection, { subject, members }: SyncTask): Promise<void> {
    const name = `${subject.kind} ${subject.id}`;
    try {
      const later = (task: SyncTask): void => void this.later.push(task);
      const {
        status,
        reason,
        changes,
        reported = [],
      } = await syncOutsideQueue(deps, { subject, ...(members === undefined ? {} : { members }) }, later);
      if (status === 'waiting') {
        this.waiting += 1;
        print(`  waiting  ${name}: ${reason ?? 'busy'}; run this command again`);
        return;
      }
      this.done += 1;
      this.added += changes?.added ?? 0;
      this.changed += changes?.changed ?? 0;
      this.removed += changes?.removed ?? 0;
      const notes = reported.map(({ code, kind, id }) => `${code} ${kind} ${id}`);
      print(`  synced   ${name}${notes.length === 0 ? '' : `: ${notes.slice(0, 5).join(', ')}`}`);
    } catch (error) {
      this.failed += 1;
      printError(`  failed   ${name}: ${errorCodeOf(error)}`);
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

function isAbout(difference: LitellmDifference, id: string): boolean {
  return difference.id === id || ('userId' in difference && difference.userId === id);
}

/** Returns how many keys the removal would park. */
async function countKeysToPark({ deps }: Connection, difference: LitellmDifference): Promise<number> {
  if (difference.action !== 'remove' || difference.what !== 'membership' || difference.of !== 'team')
    return 0;
  const { userId, id: teamId } = difference;
  let count = 0;
  for await (const page of deps.litellm.readKeyPages({ userId, teamId })) count += page.length;
  return count;
}

function renderRestingKeys({ parked, due, unconfirmed, heldBack }: RestingCounts, toPark: number): string {
  const waits =
    heldBack === undefined ? '' : `; they wait for LITELLM_PARKED_KEYS_ACCEPT=${heldBack.version}`;
  return [
    `Keys: ${toPark} to park; ${parked} rest, ${due} are past their date`,
    ` (${unconfirmed} of them until a sign-in confirms it)${waits}.`,
  ].join('');
}

/** Prints each organization's amount beside what its teams carry, while LiteLLM has no organizations. */
async function printBudgetShares({ deps, proxy }: Connection): Promise<void> {
  if ((await proxy.read()).organizations !== 'unlicensed') return;
  for (const share of await readBudgetShares(deps)) {
    const per = share.budget_duration === undefined ? '' : ` per ${share.budget_duration}`;
    const others =
      share.other_durations === 0
        ? ''
        : `, and ${share.other_durations} of them an amount of another duration`;
    print(
      `Organization ${share.organization_id}: ${share.max_budget} USD${per}; its ${share.teams} teams carry ${share.carried} USD${others}.`,
    );
  }
}

/**
 * Syncs while it compares, so that it keeps no list of differences; loads of members come last. Each sync reads the present state
 * again.
 */
async function syncAll(
  connection: Connection,
  { isDryRun, id }: { readonly isDryRun: boolean; readonly id: string | undefined },
): Promise<Progress> {
  const tally = new DifferenceTally();
  const progress = new Progress();
  const runAll = async (tasks: readonly SyncTask[]): Promise<void> => {
    if (isDryRun) return;
    await inParallel(tasks, PARALLEL_SYNCS, async (task) => progress.run(connection, task));
  };
  const followed = new Set<string>();
  const runLater = async (): Promise<void> => {
    while (progress.later.length > 0) {
      const tasks = progress.later.filter(({ subject, members }) => {
        const name = `${subject.kind}:${subject.id}`;
        const isNew = members === true || !followed.has(name);
        followed.add(name);
        return isNew;
      });
      progress.later = [];
      await runAll(tasks);
    }
  };
  let isHeadShown = false;
  let keysToPark = 0;
  const compared = await compareWithLitellm(connection.deps, async (all) => {
    const differences = id === undefined ? all : all.filter((difference) => isAbout(difference, id));
    if (differences.length === 0) return;
    if (!isHeadShown) print(TABLE_HEAD);
    isHeadShown = true;
    for (const difference of differences) {
      const parkedKeys = isDryRun ? await countKeysToPark(connection, difference) : 0;
      keysToPark += parkedKeys;
      print(renderDifference(difference, { parkedKeys }));
    }
    await runAll(tally.take(differences));
  });
  const rest = tally.rest();
  await runAll(rest.filter(({ members }) => members === undefined));
  // One after the other, because they share people.
  for (const load of rest.filter(({ members }) => members === true)) await runAll([load]);
  await runLater();
  print(`\n${renderCompared(compared, tally)}`);
  if (isDryRun) await printBudgetShares(connection);
  if (isDryRun) print(renderRestingKeys(await countRestingKeys(connection.deps), keysToPark));
  return progress;
}

/** Prints what differs as lines of JSON, so that a list of any length needs no memory. */
async function printJson({ baseUrl, deps, proxy }: Connection, id: string | undefined): Promise<void> {
  const printLine = (line: object): void => print(JSON.stringify(line));
  printLine({ kind: 'proxy', base_url: baseUrl, proxy: await proxy.check() });
  const tally = new DifferenceTally();
  const compared = await compareWithLitellm(deps, async (all) => {
    const differences = id === undefined ? all : all.filter((difference) => isAbout(difference, id));
    tally.take(differences);
    for (const difference of differences) {
      printLine({ kind: 'difference', difference: withoutPersonalValues(difference) });
    }
    await Promise.resolve();
  });
  printLine({ kind: 'end', compared, counts: tally.counts });
}

async function run(args: readonly string[]): Promise<void> {
  const { texts, flags } = parseArguments(args, {
    texts: [...storageOptions, 'id'],
    flags: ['dry-run', 'json'],
  });
  const isDryRun = flags.has('dry-run');
  if (flags.has('json') && !isDryRun) throw new UsageError('--json needs --dry-run.');
  const connection = await connect(readStorageArguments(texts), { isDryRun });
  if (flags.has('json')) return printJson(connection, texts.id);
  print(`${isDryRun ? 'Compares' : 'Compares and syncs'}: ${connection.baseUrl}`);
  print(`${renderProxy(await connection.proxy.check())}\n`);
  const { done, waiting, failed, added, changed, removed } = await syncAll(connection, {
    isDryRun,
    id: texts.id,
  });
  if (isDryRun) {
    print('Nothing was changed.');
    return;
  }
  print(`Synced ${done}; ${waiting} waiting, ${failed} failed.`);
  print(`Memberships: ${added} added, ${changed} changed, ${removed} removed.`);
  if (failed > 0) process.exitCode = 1;
}

await runCommand({ help: HELP, run });
