/** Replays the recorded steps on a proxy that somebody really has, and removes what they made. */
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';

import { versions } from '../versions.ts';
import type { Version } from '../versions.ts';
import { OwnRows } from './ownRows.ts';
import { readSteps } from './recordings.ts';
import type { Step } from './recordings.ts';
import { removeOwnRows } from './removeOwnRows.ts';
import { replaySteps, waitsForSpend } from './replay.ts';
import type { ReplayAdapter, ReplayedAnswer, ReplayedProxy, ReplayedStep } from './replay.ts';
import { CommandError } from '../../../terminal/commandError.ts';

export interface ContractOptions extends ReplayedProxy {
  /** Three models of the proxy. Default: the recorded names. */
  readonly models?: readonly string[] | undefined;
  /** Default: real time. */
  readonly wait?: (durationMs: number) => Promise<void>;
  /** Ends the run after the current step. What it made is removed all the same. */
  readonly signal?: AbortSignal;
}

export interface CheckedStep extends ReplayedStep {
  /** The product depends on what differs. */
  readonly matters: boolean;
}

export interface CheckedContract {
  /** The proxy's own version. */
  readonly version: string;
  /** The recording that it was compared with. */
  readonly comparedWith: Version;
  readonly steps: readonly CheckedStep[];
  /** What could not be removed, with the reason. */
  readonly left: readonly string[];
  /** Why the run ended early, if it did. */
  readonly failure?: string;
}

/** Amounts follow a call within a minute. */
const spendWaitMs = 65_000;
/** Keys follow their user's activation within seconds. */
const activationWaitMs = 6_000;

/** Reads that neither the product nor the rules about keys depend on. */
const unneededPaths: readonly string[] = [
  '/health/readiness/details',
  '/v1/models',
  '/team/permissions_list',
];

/** Reads the version of a proxy. Throws if something else answers. */
export async function readVersion(url: string): Promise<string> {
  const response = await fetch(`${url}/openapi.json`, { redirect: 'manual' });
  if (!response.ok) throw new CommandError(`${url}/openapi.json was answered with ${response.status}`);
  return z.object({ info: z.object({ version: z.string() }) }).parse(await response.json()).info.version;
}

/** Returns the recorded version that a version is compared with: the same, else the next older one, else the oldest. */
export function chooseRecording(version: string): Version {
  const asked = partsOf(version);
  const older = versions.filter((recorded) => isAtMost(partsOf(recorded), asked));
  return older.at(-1) ?? versions[0];
}

const partsOf = (version: string): readonly number[] =>
  version.split('.').map((part) => Number.parseInt(part, 10));

function isAtMost(left: readonly number[], right: readonly number[]): boolean {
  const index = left.findIndex((part, position) => part !== right[position]);
  return index === -1 || (left[index] ?? 0) < (right[index] ?? 0);
}

/** Runs all steps with ids of its own. Removes what it made, also if a step fails or the signal ends the run. */
export async function checkContract(options: ContractOptions): Promise<CheckedContract> {
  const version = await readVersion(options.url);
  const comparedWith = chooseRecording(version);
  const run = new Run(options);
  const steps: ReplayedStep[] = [];
  let failure: string | undefined;
  try {
    await replaySteps(options, readSteps(comparedWith), { ...run.adapter, done: (step) => steps.push(step) });
  } catch (error) {
    failure = String(error);
  }
  const left = await removeOwnRows(options, run.own, run);
  const checked = steps.map((step) => ({ ...step, matters: matters(step) }));
  return { version, comparedWith, steps: checked, left, ...(failure === undefined ? {} : { failure }) };
}

function matters({ step, differences }: ReplayedStep): boolean {
  return differences.length > 0 && !unneededPaths.some((path) => step.path.startsWith(path));
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** One run: its ids, and what it made. */
class Run {
  readonly own: OwnRows;
  readonly keys = new Set<string>();
  readonly teams = new Set<string>();
  readonly organizations = new Set<string>();
  readonly users = new Set<string>();
  readonly #marked = new Set<string>();
  readonly #options: ContractOptions;
  #isSpendSettled = true;

  constructor(options: ContractOptions) {
    this.own = new OwnRows(options.models);
    this.#options = options;
  }

  get adapter(): Omit<ReplayAdapter, 'done'> {
    return {
      toProxy: (step) => this.#note(step),
      fromProxy: (answer, step) => this.own.fromProxy(answer, step),
      findReasonToSkip: (answer, step) => findReasonToSkip(answer, step),
      before: async (step) => this.#before(step),
      after: async (step, answer) => this.#after(step, answer),
    };
  }

  /** Notes what the step may make before it is sent, so that it is removed even if the answer is lost. */
  #note(step: Step): Pick<Step, 'path' | 'body'> {
    const sent = this.own.toProxy(step);
    const { team_id: team, organization_id: organization, user_id: user, member } = sent.body ?? {};
    if (step.path === '/team/new') add(this.teams, team);
    if (step.path === '/organization/new') add(this.organizations, organization);
    if (step.path.startsWith('/user/')) add(this.users, user);
    for (const each of Array.isArray(member) ? member : [member]) {
      if (isRecord(each)) add(this.users, each['user_id']);
    }
    return sent;
  }

  async #before(step: Step): Promise<void> {
    this.#options.signal?.throwIfAborted();
    if (!waitsForSpend.test(step.step) || this.#isSpendSettled) return;
    await this.#wait(spendWaitMs);
    this.#isSpendSettled = true;
  }

  async #after(step: Step, { status, body }: ReplayedAnswer): Promise<void> {
    if (step.path === '/chat/completions') this.#isSpendSettled = false;
    if (step.path === '/key/generate' && isRecord(body)) add(this.keys, body['token']);
    const changesActivation = step.path === '/user/update' && step.body?.['metadata'] !== undefined;
    if (changesActivation) await this.#wait(activationWaitMs);
    if (step.path === '/user/new' && status === 200)
      this.#marked.add(this.own.prefix + String(step.body?.['user_id']));
    else if (status === 200) await this.#markUsers();
  }

  /** Marks the users whom LiteLLM made by itself, as part of another call. They are in no way like a user with a mark yet. */
  async #markUsers(): Promise<void> {
    const { url, masterKey } = this.#options;
    for (const userId of [...this.users].filter((id) => !this.#marked.has(id))) {
      this.#marked.add(userId);
      const headers = { authorization: `Bearer ${masterKey}`, 'content-type': 'application/json' };
      const read = await fetch(`${url}/user/list?page=1&page_size=100&user_ids=${userId},${userId}`, {
        headers,
      });
      const found = z
        .object({ users: z.array(z.object({ user_id: z.string() })) })
        .safeParse(await read.json());
      if (found.data?.users.some((user) => user.user_id === userId) !== true) continue;
      const body = JSON.stringify({ user_id: userId, metadata: this.own.mark });
      await fetch(`${url}/user/update`, { method: 'POST', headers, body });
    }
  }

  async #wait(durationMs: number): Promise<void> {
    await (this.#options.wait ?? delay)(durationMs);
  }
}

function add(set: Set<string>, value: unknown): void {
  if (typeof value === 'string') set.add(value);
}

function findReasonToSkip(answer: unknown, { path, status }: Step): string | undefined {
  if (path.startsWith('/v2/team/list') && isRecord(answer) && Number(answer['total_pages']) > 1) {
    return 'the proxy has more teams than a page';
  }
  if (path.startsWith('/organization/') && status === 403 && Array.isArray(answer)) {
    return 'the proxy has a licence';
  }
  return undefined;
}
