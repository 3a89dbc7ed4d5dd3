/** Decides which organizations and teams get their members in lists, from the differences of a comparison. */
import type { SyncSubject } from '../model/synced.ts';
import type { EntityDifference, LitellmDifference, MembershipDifference } from './differences.ts';
import { IdFingerprints } from './idFingerprints.ts';

/** One sync to request. */
export interface SyncTask {
  readonly subject: SyncSubject;
  /** With its members, in lists. */
  readonly members?: true;
  readonly delaySeconds?: number;
}

/** From so many new members on, lists cost less than a sync of each person. */
const FEWEST = 5;

/** The load of a team adds its people to its organization too. So an organization's own load comes after them, and finds little to do. */
const ORGANIZATION_DELAY_SECONDS = 30;
const SECONDS_PER_TEAM = 1;
const LONGEST_DELAY_SECONDS = 15 * 60;

type EntitySubject = Extract<SyncSubject, { readonly kind: 'organization' | 'team' }>;

/** An organization or team that LiteLLM lacks, or that lacks members. */
interface Entity {
  readonly subject: EntitySubject;
  isAbsent: boolean;
  /** The first of them; `undefined`: so many that they come in lists. */
  few: string[] | undefined;
}

/** Keeps at most 4 ids for each organization or team that lacks something, and fingerprints of the people in loads. */
export class LoadTally {
  readonly #entities = new Map<string, Entity>();
  readonly #loaded = new IdFingerprints();

  /** Returns whether {@link rest} covers the difference, so that nothing else is to be requested for it now. */
  take(difference: LitellmDifference): boolean {
    if (difference.action !== 'add') return false;
    if (difference.what === 'membership') this.#takeMember(difference);
    else if (difference.what === 'user') return this.#loaded.has(difference.id);
    else this.#entityOf(difference.what, difference.id).isAbsent = true;
    return true;
  }

  #takeMember({ of, id, userId }: MembershipDifference): void {
    const entity = this.#entityOf(of, id);
    if (entity.few === undefined) {
      this.#loaded.add(userId);
      return;
    }
    entity.few.push(userId);
    if (entity.few.length < FEWEST) return;
    for (const each of entity.few) this.#loaded.add(each);
    entity.few = undefined;
  }

  #entityOf(kind: Exclude<EntityDifference['what'], 'user'>, id: string): Entity {
    const key = `${kind}:${id}`;
    const entity = this.#entities.get(key) ?? { subject: { kind, id }, isAbsent: false, few: [] };
    this.#entities.set(key, entity);
    return entity;
  }

  /** Returns everything that was taken, and forgets it: organizations and teams, people of whom there are few, and late loads. */
  rest(): readonly SyncTask[] {
    const all = [...this.#entities.values()];
    this.#entities.clear();
    const isLoad = ({ few }: Entity): boolean => few === undefined;
    const teamLoads = all.filter((entity) => isLoad(entity) && entity.subject.kind === 'team');
    const delaySeconds = Math.min(
      LONGEST_DELAY_SECONDS,
      ORGANIZATION_DELAY_SECONDS + SECONDS_PER_TEAM * teamLoads.length,
    );
    const isLate = (entity: Entity): boolean =>
      teamLoads.length > 0 && isLoad(entity) && entity.subject.kind === 'organization';
    return [
      ...all
        .filter((entity) => !isLate(entity) && (entity.isAbsent || isLoad(entity)))
        .map((entity): SyncTask => ({
          subject: entity.subject,
          ...(isLoad(entity) ? { members: true } : {}),
        })),
      ...all.flatMap(({ few = [] }) => few.map((id): SyncTask => ({ subject: { kind: 'user', id } }))),
      ...all
        .filter((entity) => isLate(entity))
        .map(({ subject }): SyncTask => ({ subject, members: true, delaySeconds })),
    ];
  }
}
