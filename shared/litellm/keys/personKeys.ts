/** The resting keys of one person while the person's lease is held: their record, and the calls that move them. */
import type { LitellmKey } from '../../model/litellmPorts.ts';
import { errorCodeOf } from '../../model/errors.ts';
import {
  addCounts,
  type KeyCounts,
  type Leaving,
  NO_KEYS,
  type RestingKey,
} from '../../model/restingKeys.ts';
import type { KnownProxy } from '../proxyState.ts';
import { isAtLeast } from '../proxyVersion.ts';
import type { PersonSync } from '../readPerson.ts';
import type { SyncDeps } from '../syncDeps.ts';
import { isAboutOneThing, mayStillTakeEffect } from '../syncErrors.ts';
import { decideKey, findPlace, type KeyDecision, type KeyGoal, PARKED_OWNER } from './decideKey.ts';

/** From this version, nobody but an administrator can open, take or delete a key with another owner. */
const OWNER_PROTECTS = '1.84.0';
const NO_MODELS: readonly string[] = ['no-default-models'];

const FORGOTTEN: Partial<Record<KeyDecision, Partial<KeyCounts>>> = {
  forget: {},
  'forget returned': { returned: 1 },
  'forget deleted': { deleted: 1 },
  'forget lost': { lost: 1 },
};

function hasNoModels({ models }: Pick<LitellmKey, 'models'>): boolean {
  return models.length === 1 && models[0] === NO_MODELS[0];
}

export class PersonKeys {
  readonly keys: Map<string, RestingKey>;
  readonly left: Map<string, Leaving>;
  readonly deps: SyncDeps;
  readonly person: PersonSync;
  #counts: KeyCounts = NO_KEYS;

  constructor(deps: SyncDeps, person: PersonSync) {
    this.deps = deps;
    this.person = person;
    this.keys = new Map(person.recorded.keys);
    this.left = new Map(person.recorded.left);
  }

  get counts(): KeyCounts {
    return this.#counts;
  }

  get userId(): string {
    return this.person.userId;
  }

  count(counts: Partial<KeyCounts>): void {
    this.#counts = addCounts(this.#counts, counts);
  }

  now(): string {
    return this.deps.clock.now().toISOString();
  }

  of(teamId: string): readonly RestingKey[] {
    return [...this.keys.values()].filter((key) => key.teamId === teamId);
  }

  /** Records keys, in one transaction for 99 of them; `null` forgets one. */
  async record(changes: ReadonlyMap<string, RestingKey | null>): Promise<void> {
    if (changes.size === 0) return;
    const { deps, person } = this;
    await person.lease.write(async (held) => deps.record.writePerson(held, { keys: changes }));
    for (const [hash, key] of changes) {
      if (key === null) this.keys.delete(hash);
      else this.keys.set(hash, key);
    }
  }

  async recordLeft(leaving: Leaving): Promise<void> {
    const { deps, person } = this;
    const left = new Map([[leaving.teamId, leaving]]);
    await person.lease.write(async (held) => deps.record.writePerson(held, { left }));
    this.left.set(leaving.teamId, leaving);
  }

  /** Sends the one call that parks a key. Throws what LiteLLM throws. */
  async sendPark(hash: string): Promise<void> {
    const known: KnownProxy = await this.deps.proxy.read();
    await this.person.lease.keep();
    await this.deps.litellm.updateKey(hash, {
      userId: PARKED_OWNER,
      teamId: null,
      blocked: true,
      // Before, everybody of role `internal_user` may open any key whose hash they know.
      ...(isAtLeast(known.version, OWNER_PROTECTS) === true ? {} : { models: NO_MODELS }),
    });
  }

  /** Reads one recorded key, and does what the goal asks for. Throws what LiteLLM throws, without refusals. */
  async settle(key: RestingKey, goal: KeyGoal): Promise<void> {
    const found = await this.deps.litellm.findKey(key.hash);
    const decision = decideKey(goal, key.state, findPlace(this.userId, key, found));
    const forgotten = FORGOTTEN[decision];
    if (forgotten !== undefined) {
      await this.#forget(key, forgotten);
    } else if (decision === 'confirm') {
      await this.#confirm(key);
    } else if (decision === 'park') {
      await this.#parkAgain(key);
    } else if (decision === 'delete') {
      await this.#delete(key);
    } else if (found !== undefined && (decision === 'return' || decision === 'finish')) {
      await this.#return(key, { found, decision });
    }
  }

  async #forget({ hash }: RestingKey, counts: Partial<KeyCounts>): Promise<void> {
    await this.record(new Map([[hash, null]]));
    this.count(counts);
  }

  async #confirm(key: RestingKey): Promise<void> {
    const { state } = key;
    await this.record(new Map([[key.hash, { ...key, state: 'parked' }]]));
    if (state === 'parking') this.count({ parked: 1 });
  }

  /** A refusal changes nothing: the next look tries again. */
  async #parkAgain(key: RestingKey): Promise<void> {
    const parking: RestingKey = { ...key, state: 'parking', tries: key.tries + 1 };
    if (key.state !== 'parking') await this.record(new Map([[key.hash, parking]]));
    try {
      await this.deps.parkedOwner.ensure();
      await this.sendPark(key.hash);
    } catch (error) {
      if (isFailedTry(error)) return;
      throw error;
    }
    await this.record(new Map([[key.hash, { ...parking, state: 'parked' }]]));
    this.count({ parked: 1 });
  }

  async #delete(key: RestingKey): Promise<void> {
    await this.record(new Map([[key.hash, { ...key, state: 'deleting' }]]));
    await this.person.lease.keep();
    await this.deps.litellm.deleteKey(key.hash);
    await this.#forget(key, { deleted: 1 });
  }

  async #return(
    key: RestingKey,
    { found, decision }: { readonly found: LitellmKey; readonly decision: 'return' | 'finish' },
  ): Promise<void> {
    const { hash, teamId, was } = key;
    const { litellm } = this.deps;
    if (key.state !== 'returning') await this.record(new Map([[hash, { ...key, state: 'returning' }]]));
    try {
      await this.person.lease.keep();
      if (decision === 'return') {
        const models = hasNoModels(found) && !hasNoModels(was) ? { models: was.models } : {};
        // In one call with the team, LiteLLM would ask whether the present owner is in it.
        await litellm.updateKey(hash, { userId: this.userId, ...models });
        await this.person.lease.keep();
      }
      await litellm.updateKey(hash, { teamId, blocked: was.blocked });
    } catch (error) {
      if (errorCodeOf(error) !== 'litellm_refused') throw error;
      await this.#restAfterRefusal(key);
      return;
    }
    await this.#forget(key, { returned: 1 });
  }

  /** With its owner and in no team, a key would be one that no team's budget covers. */
  async #restAfterRefusal(key: RestingKey): Promise<void> {
    try {
      await this.sendPark(key.hash);
    } catch (error) {
      if (errorCodeOf(error) === 'litellm_refused') return;
      throw error;
    }
    await this.record(new Map([[key.hash, { ...key, state: 'parked', refusedAt: this.now() }]]));
  }
}

/** Returns whether an error is about the one key, and nothing of it can still take effect. Such a try counts as failed. */
export function isFailedTry(error: unknown): boolean {
  if (errorCodeOf(error) === 'litellm_refused') return true;
  return isAboutOneThing(error) && !mayStillTakeEffect(error);
}
