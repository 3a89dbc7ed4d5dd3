/** Compares an answer with a recorded one, in what this product reads. */

/** What the product reads of a success, now or by the rules about people's keys. Other fields may differ. */
const readFields: ReadonlySet<string> = new Set([
  'allowed_routes',
  'blocked',
  'budget_duration',
  'current_page',
  'data',
  'deleted_keys',
  'expires',
  'id',
  'info',
  'key',
  'key_alias',
  'key_name',
  'keys',
  'litellm_budget_table',
  'litellm_version',
  'max_budget',
  'max_budget_in_team',
  'members',
  'members_with_roles',
  'metadata',
  'models',
  'object',
  'organization_alias',
  'organization_id',
  'organization_memberships',
  'page',
  'page_size',
  'role',
  'rpm_limit',
  'spend',
  'status',
  'team_alias',
  'team_id',
  'team_info',
  'team_member_permissions',
  'team_memberships',
  'teams',
  'token',
  'total',
  'total_count',
  'total_pages',
  'tpm_limit',
  'updated_organization_memberships',
  'updated_team_memberships',
  'updated_users',
  'user_alias',
  'user_email',
  'user_id',
  'user_info',
  'user_role',
]);

/** The recordings cut texts at 90 characters and lists after 12 entries. */
const cutMark = '…';
const maxEntries = 12;
/** The database adds amounts as floating-point numbers. */
const amountError = 1e-9;

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export interface ComparedAnswer {
  readonly status: number;
  readonly body: unknown;
}

export interface CompareOptions {
  /** The order of lists matters. LiteLLM promises one only if the request asks for pages. */
  readonly isOrdered: boolean;
  /** Fields whose values are not compared. */
  readonly ignored?: ReadonlySet<string>;
}

/**
 * Returns every difference in words, with its path. A success is compared in the fields that the product reads. An
 * absent field and null are the same there. An error is compared in its shape, type and text, from which the product tells
 * errors apart.
 */
export function findDifferences(
  recorded: ComparedAnswer,
  actual: ComparedAnswer,
  options: CompareOptions,
): readonly string[] {
  if (recorded.status !== actual.status) return [`status ${actual.status} instead of ${recorded.status}`];
  return recorded.status < 300
    ? compareValues({ recorded: pick(recorded.body, options), actual: pick(actual.body, options), path: '' })
    : compareValues({ recorded: pickError(recorded.body), actual: pickError(actual.body), path: '' });
}

/** Keeps what the product reads, without nulls, and sorts lists without an order. */
function pick(value: unknown, options: CompareOptions): unknown {
  if (Array.isArray(value)) {
    const entries = value.map((entry: unknown) => pick(entry, options));
    return options.isOrdered ? entries : entries.toSorted(compareIdentities);
  }
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(
        ([name, inner]) => readFields.has(name) && options.ignored?.has(name) !== true && inner !== null,
      )
      .map(([name, inner]) => [name, name === 'metadata' ? inner : pick(inner, options)]),
  );
}

const identities = ['key_alias', 'user_id', 'team_id', 'organization_id'] as const;

function compareIdentities(left: unknown, right: unknown): number {
  const [one, other] = [identityOf(left), identityOf(right)];
  return one < other ? -1 : one > other ? 1 : 0;
}

function identityOf(value: unknown): string {
  if (!isRecord(value)) return typeof value === 'string' ? value : '';
  const name = identities.find((candidate) => candidate in value);
  return name === undefined ? '' : String(value[name]);
}

/** Keeps the shape, type and text of an error, and where a body is wrong. Not `param` and `code`, which nothing reads. */
function pickError(body: unknown): unknown {
  if (!isRecord(body)) return body;
  const { error, detail } = body;
  if (isRecord(error)) return { error: { message: error['message'], type: error['type'] } };
  if (Array.isArray(detail)) {
    return { detail: detail.map((issue: unknown) => (isRecord(issue) ? issue['loc'] : undefined)) };
  }
  return { detail };
}

interface Compared {
  readonly recorded: unknown;
  readonly actual: unknown;
  readonly path: string;
}

function compareValues({ recorded, actual, path }: Compared): string[] {
  if (Array.isArray(recorded) && Array.isArray(actual)) return compareLists(recorded, actual, path);
  if (isRecord(recorded) && isRecord(actual)) {
    return [...new Set([...Object.keys(recorded), ...Object.keys(actual)])].flatMap((name) =>
      compareValues({
        recorded: recorded[name],
        actual: actual[name],
        path: path === '' ? name : `${path}.${name}`,
      }),
    );
  }
  return isSame(recorded, actual)
    ? []
    : [`${path}: ${JSON.stringify(actual)} instead of ${JSON.stringify(recorded)}`];
}

function compareLists(recorded: readonly unknown[], actual: readonly unknown[], path: string): string[] {
  const isCut = recorded.length === maxEntries && actual.length > maxEntries;
  if (recorded.length !== actual.length && !isCut) {
    return [`${path}: ${actual.length} entries instead of ${recorded.length}`];
  }
  return recorded.flatMap((entry, index) =>
    compareValues({ recorded: entry, actual: actual[index], path: `${path}[${index}]` }),
  );
}

function isSame(recorded: unknown, actual: unknown): boolean {
  if (typeof recorded === 'number' && typeof actual === 'number') {
    return Math.abs(recorded - actual) < amountError;
  }
  if (typeof recorded === 'string' && typeof actual === 'string') return matchesText(recorded, actual);
  return recorded === actual;
}

/** What the proxy makes up, as the recordings write it. */
const placeholders: Readonly<Record<string, string>> = {
  '<uuid>': '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}',
  '<time>': String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[\d.]*(?:Z|\+00:00)`,
  '<key>': String.raw`sk-[\w-]+`,
  '<hash>': '[0-9a-f]{64}',
  '<end>': String.raw`[\w-]{4}`,
};

function matchesText(recorded: string, actual: string): boolean {
  const isCut = recorded.endsWith(cutMark);
  const pattern = (isCut ? recorded.slice(0, -cutMark.length) : recorded)
    .split(/(<(?:uuid|time|key|hash|end)>)/)
    .map((part) => placeholders[part] ?? part.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`))
    .join('');
  return new RegExp(isCut ? `^${pattern}` : `^${pattern}$`, 's').test(actual);
}
