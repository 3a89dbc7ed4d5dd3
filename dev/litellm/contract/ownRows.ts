/** Keeps the rows of one run apart from everything else that a real proxy has: by a random prefix of ids, and by a mark. */
import { randomBytes } from 'node:crypto';

import type { Step } from './recordings.ts';

/** The field of `metadata` that holds the run's prefix. */
const markName = 'litellm_contract';

/** Fields and parameters that name a row. */
const idFields: ReadonlySet<string> = new Set([
  'user_id',
  'team_id',
  'organization_id',
  'key_alias',
  'user_email',
]);
const idParameters = ['user_id', 'user_ids', 'team_id', 'organization_id'] as const;

/** Requests that make a row which can carry the mark. */
const makers: ReadonlySet<string> = new Set(['/user/new', '/team/new', '/organization/new', '/key/generate']);

/** The models of the recorded proxies. */
const recordedModels = ['gpt-4o', 'gpt-4o-mini', 'claude-sonnet'];

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Whether rows belong to a run is decided here, and nowhere else. */
export class OwnRows {
  /** In small letters, because addresses are compared in any case. */
  readonly prefix = `contract-${randomBytes(16).toString('hex')}-`;
  readonly #modelOf: ReadonlyMap<string, string>;

  /** `models` are three models of the proxy, to be called in place of the recorded ones. */
  constructor(models: readonly string[] = recordedModels) {
    this.#modelOf = new Map(recordedModels.map((model, index) => [model, models[index] ?? model]));
  }

  get mark(): Readonly<Record<string, string>> {
    return { [markName]: this.prefix };
  }

  /** Whether a row that was just read has both an id of this run and its mark. */
  isOwn(id: unknown, metadata: unknown): boolean {
    return this.hasPrefix(id) && isRecord(metadata) && metadata[markName] === this.prefix;
  }

  hasPrefix(id: unknown): boolean {
    return typeof id === 'string' && id.startsWith(this.prefix);
  }

  /** Puts the prefix before every id, and the mark into what makes a row or replaces its metadata. */
  toProxy(step: Step): Pick<Step, 'path' | 'body'> {
    const { path, body } = step;
    const [address = '', query] = path.split('?');
    const parameters = new URLSearchParams(query);
    for (const name of idParameters) {
      const value = parameters.get(name);
      if (value !== null)
        parameters.set(
          name,
          value
            .split(',')
            .map((id) => this.prefix + id)
            .join(','),
        );
    }
    const sentPath = query === undefined ? path : `${address}?${this.#keepPlaceholders(parameters)}`;
    if (body === undefined) return { path: sentPath };
    const sent = this.#mapBody(body);
    const { metadata } = sent;
    if (!makers.has(address) && metadata === undefined) return { path: sentPath, body: sent };
    return { path: sentPath, body: { ...sent, metadata: { ...asRecord(metadata), ...this.mark } } };
  }

  /** `<hash>` is replaced later, so it must stay as it is. */
  #keepPlaceholders(parameters: URLSearchParams): string {
    return parameters.toString().replaceAll('%3Chash%3E', '<hash>').replaceAll('%2C', ',');
  }

  #mapBody(body: Readonly<Record<string, unknown>>): Record<string, unknown> {
    return Object.fromEntries(
      Object.entries(body).map(([name, value]) => [
        name,
        name === 'metadata' ? value : this.#map(name, value),
      ]),
    );
  }

  #map(name: string, value: unknown): unknown {
    if (Array.isArray(value)) return value.map((entry: unknown) => this.#map(name, entry));
    if (isRecord(value)) return this.#mapBody(value);
    if (typeof value !== 'string') return value;
    if (name === 'model' || name === 'models') return this.#modelOf.get(value) ?? value;
    return idFields.has(name) ? this.prefix + value : value;
  }

  /** Takes prefix, mark and foreign rows out of an answer. */
  fromProxy(answer: unknown, step: Step): unknown {
    return this.#restore(this.#dropForeign(answer, step));
  }

  /** Leaves only own rows in the lists of everything. */
  #dropForeign(answer: unknown, { path }: Step): unknown {
    if (path.startsWith('/organization/list') && Array.isArray(answer)) {
      return answer.filter((row: unknown) => isRecord(row) && this.hasPrefix(row['organization_id']));
    }
    const [list, id] = path.startsWith('/user/list')
      ? (['users', 'user_id'] as const)
      : path.startsWith('/v2/team/list')
        ? (['teams', 'team_id'] as const)
        : [];
    if (list === undefined || !isRecord(answer)) return answer;
    const rows: unknown = answer[list];
    if (!Array.isArray(rows)) return answer;
    const own = rows.filter((row: unknown) => isRecord(row) && this.hasPrefix(row[id]));
    return { ...answer, [list]: own, total: own.length, total_pages: Math.min(own.length, 1) };
  }

  #restore(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((entry: unknown) => this.#restore(entry));
    if (isRecord(value)) {
      return Object.fromEntries(
        Object.entries(value)
          .filter(([name]) => name !== markName)
          .map(([name, inner]) => [name, this.#restore(inner)]),
      );
    }
    return typeof value === 'string' ? this.#restoreText(value) : value;
  }

  #restoreText(text: string): string {
    let restored = text.replaceAll(this.prefix, '').replaceAll(this.prefix.toUpperCase(), '');
    for (const [recorded, model] of this.#modelOf) {
      if (recorded !== model)
        restored = restored === model ? recorded : restored.replaceAll(`'${model}'`, `'${recorded}'`);
    }
    return restored;
  }
}

const asRecord = (value: unknown): object => (isRecord(value) ? value : {});
