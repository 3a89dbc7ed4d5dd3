/** Golden files in `infra/snapshots/`: writes accepted values there and compares present values with them. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { CommandError } from '../../terminal/commandError.ts';

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
type JsonObject = Readonly<Record<string, Json>>;

/** The values of all snapshots, by the file's path in `infra/snapshots/`. */
export type Snapshots = ReadonlyMap<string, Json>;

const jsonSchema: z.ZodType<Json> = z.json();

export function parseJson(text: string): Json {
  return jsonSchema.parse(JSON.parse(text));
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Returns the value in the form of a snapshot. Keys are sorted, and the compiler's hashes are left out. Lists keep their order,
 * except lists of resources, which become objects. JSON inside a text is parsed, and texts of several lines are split, so that a
 * difference names the exact place.
 */
export function normalize(value: Json): Json {
  if (typeof value === 'string') return normalizeText(value);
  if (!isObject(value)) return isList(value) ? value.map(normalize) : value;
  return Object.fromEntries(
    Object.keys(value)
      .filter((key) => key !== '_generator')
      .sort()
      .map((key) => {
        const each = value[key] ?? null;
        const isResources = /^(?:resources|predictedResources)$/.test(key) && isList(each);
        return [key, normalize(isResources ? byId(each) : each)];
      }),
  );
}

function normalizeText(text: string): Json {
  if (text.startsWith('{"')) return { '(JSON)': normalize(parseJson(text)) };
  return text.includes('\n') ? { '(lines)': text.split('\n') } : text;
}

/**
 * Turns a list of resources into an object by id. Without an id, as in Microsoft Graph and compiled templates, uses type and
 * name.
 */
function byId(resources: readonly Json[]): JsonObject {
  const found: Record<string, Json> = {};
  for (const resource of resources) {
    const { id, type = null, name = '' } = isObject(resource) ? resource : {};
    const key = textOf(id ?? `${textOf(type)} ${textOf(name)}`.trim());
    let unique = key;
    for (let count = 2; unique in found; count += 1) unique = `${key} #${count}`;
    found[unique] = resource;
  }
  return found;
}

function textOf(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Returns whether a value is a list. It replaces `Array.isArray`, which does not narrow read-only lists. */
export function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

// ---------------------------------------------------------------------------------------------------------------

/** One place where a value differs from its snapshot. `undefined` means absent. */
export interface Difference {
  /** The place in the value, such as `$.outputs.x[0]`. */
  readonly path: string;
  readonly accepted: Json | undefined;
  readonly now: Json | undefined;
}

/** Returns every difference, in the order of the keys. */
export function compare(
  accepted: Json | undefined,
  now: Json | undefined,
  path = '$',
): readonly Difference[] {
  if (isObject(accepted) && isObject(now)) {
    const keys = new Set([...Object.keys(accepted), ...Object.keys(now)]);
    return [...keys].sort().flatMap((key) => compare(accepted[key], now[key], path + step(key)));
  }
  if (isList(accepted) && isList(now)) return compareLists(accepted, now, path);
  return accepted === now ? [] : [{ path, accepted, now }];
}

/** Compares two lists. It skips the common start and end, so that one added element is a single difference. */
function compareLists(accepted: readonly Json[], now: readonly Json[], path: string): readonly Difference[] {
  const isSame = (a: number, b: number): boolean => compare(accepted[a], now[b]).length === 0;
  const shorter = Math.min(accepted.length, now.length);
  let start = 0;
  while (start < shorter && isSame(start, start)) start += 1;
  let end = 0;
  while (end < shorter - start && isSame(accepted.length - 1 - end, now.length - 1 - end)) end += 1;
  const length = Math.max(accepted.length, now.length) - end - start;
  return Array.from({ length }, (_, at) => start + at).flatMap((at) =>
    compare(
      at < accepted.length - end ? accepted[at] : undefined,
      at < now.length - end ? now[at] : undefined,
      `${path}[${at}]`,
    ),
  );
}

function step(key: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}

// ---------------------------------------------------------------------------------------------------------------

/** Throws an Error that lists all differences between `snapshots` and the files in `dir`, including missing and surplus files. */
export function requireAccepted(dir: string, snapshots: Snapshots): void {
  const surplus = listFiles(dir).filter((file) => !snapshots.has(file));
  const faults = [
    ...[...snapshots].flatMap(([file, now]) => describeFile(dir, file, now)),
    ...surplus.map((file) => `infra/snapshots/${file}\n  is not written by the check`),
  ];
  if (faults.length === 0) return;
  throw new CommandError(
    [
      `The repository differs from infra/snapshots in ${faults.length} of its files:`,
      ...faults,
      'If you meant all of these changes, run `npm run infra:accept` and commit the snapshots.',
    ].join('\n\n'),
  );
}

/**
 * Writes `snapshots` into `dir` and deletes every other file there. Throws an Error under `CI=true`, because a person must
 * accept.
 */
export function acceptSnapshots(
  dir: string,
  snapshots: Snapshots,
  environment: Readonly<Record<string, string | undefined>>,
): void {
  if (environment['CI'] === 'true') {
    throw new CommandError(
      'Snapshots are not accepted under CI=true. Run `npm run infra:accept` on your machine.',
    );
  }
  rmSync(dir, { recursive: true, force: true });
  for (const [file, value] of snapshots) {
    mkdirSync(dirname(join(dir, file)), { recursive: true });
    writeFileSync(join(dir, file), `${JSON.stringify(value, null, 1)}\n`);
  }
}

function listFiles(dir: string): readonly string[] {
  if (!existsSync(dir)) return [];
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(dir.length + 1)
        .replaceAll('\\', '/'),
    )
    .sort();
}

const SHOWN_DIFFERENCES = 20;
const SHOWN_CHARACTERS = 300;

function describeFile(dir: string, file: string, now: Json): readonly string[] {
  const name = `infra/snapshots/${file}`;
  if (!existsSync(join(dir, file))) return [`${name}\n  is missing`];
  const differences = compare(parseJson(readFileSync(join(dir, file), 'utf8')), now);
  if (differences.length === 0) return [];
  const more = differences.length - SHOWN_DIFFERENCES;
  return [
    [
      name,
      ...differences
        .slice(0, SHOWN_DIFFERENCES)
        .map(
          (each) => `  ${each.path}\n    accepted: ${show(each.accepted)}\n    now:      ${show(each.now)}`,
        ),
      ...(more > 0 ? [`  and ${more} more`] : []),
    ].join('\n'),
  ];
}

function show(value: Json | undefined): string {
  const text = value === undefined ? '(absent)' : JSON.stringify(value);
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text;
}
