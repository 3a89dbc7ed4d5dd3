/** Reads out of the source which events the product writes and which members each has, so that no query names another. */
import { readFileSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseSync } from 'oxc-parser';
import { z } from 'zod';

const repositoryDir = resolve(import.meta.dirname, '../..');

/** What `observeFlow`, `writeEvent` and `errorFields` (shared/telemetry/events.ts) put into every event. */
const commonFields = [
  'event',
  'correlationId',
  'traceId',
  'durationMs',
  'code',
  'retryable',
  'attempted',
  'kind',
  'where',
] as const;

const node = z.looseObject({ type: z.string() });
const literal = z.looseObject({ type: z.literal('Literal'), value: z.string() });
const property = z.looseObject({
  type: z.literal('Property'),
  key: z.looseObject({ type: z.literal('Identifier'), name: z.string() }),
  value: z.unknown(),
});
const choice = z.looseObject({
  type: z.literal('ConditionalExpression'),
  consequent: z.unknown(),
  alternate: z.unknown(),
});
const objectExpression = z.looseObject({
  type: z.literal('ObjectExpression'),
  properties: z.array(z.unknown()),
});

/**
 * Gives the members of every event by its name: the names of `EventName` that stand as text in `functions/` or directly in
 * `shared/`, where events are written.
 */
export function readEmittedEvents(): ReadonlyMap<string, ReadonlySet<string>> {
  const telemetryFile = join(repositoryDir, 'shared/telemetry/events.ts');
  const names = readEventNames(telemetryFile);
  const events = new Map<string, Set<string>>();
  for (const file of sourceFiles().filter((each) => each !== telemetryFile)) {
    visit(parseFile(file), (each) => {
      const text = literal.safeParse(each);
      if (text.success && names.has(text.data.value) && !events.has(text.data.value)) {
        events.set(text.data.value, new Set(commonFields));
      }
      for (const { name, fields } of readDescribed(each)) {
        events.set(name, new Set([...commonFields, ...fields]));
      }
    });
  }
  return events;
}

function sourceFiles(): readonly string[] {
  return ['functions', 'shared'].flatMap((folder) =>
    readdirSync(join(repositoryDir, folder), { withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
      .map((entry) => join(repositoryDir, folder, entry.name)),
  );
}

function parseFile(file: string): unknown {
  return parseSync(file, readFileSync(file, 'utf8')).program;
}

/** The members of the type `EventName`. */
function readEventNames(file: string): ReadonlySet<string> {
  const names = new Set<string>();
  const alias = z.looseObject({
    type: z.literal('TSTypeAliasDeclaration'),
    id: z.looseObject({ name: z.literal('EventName') }),
  });
  visit(parseFile(file), (each) => {
    if (!alias.safeParse(each).success) return;
    visit(each, (part) => {
      const text = literal.safeParse(part);
      if (text.success) names.add(text.data.value);
    });
  });
  return names;
}

/** `observeFlow(log, { name: 'x', describe: … })`: what `describe` gives is in the event. `name` may choose between two. */
function readDescribed(
  of: unknown,
): readonly { readonly name: string; readonly fields: readonly string[] }[] {
  const parsed = objectExpression.safeParse(of);
  if (!parsed.success) return [];
  const members = new Map(propertiesOf(parsed.data.properties));
  const names = readChoice(members.get('name'));
  if (names.length === 0 || !members.has('describe')) return [];
  const fields: string[] = [];
  visit(members.get('describe'), (each) => {
    const object = objectExpression.safeParse(each);
    if (object.success) fields.push(...propertiesOf(object.data.properties).map(([key]) => key));
  });
  return names.map((name) => ({ name, fields }));
}

/** `'x'` or `condition ? 'x' : 'y'`. */
function readChoice(value: unknown): readonly string[] {
  const chosen = choice.safeParse(value);
  const parts = chosen.success ? [chosen.data.consequent, chosen.data.alternate] : [value];
  return parts.flatMap((part) => {
    const text = literal.safeParse(part);
    return text.success ? [text.data.value] : [];
  });
}

function propertiesOf(members: readonly unknown[]): readonly (readonly [string, unknown])[] {
  return members.flatMap((member) => {
    const parsed = property.safeParse(member);
    return parsed.success ? [[parsed.data.key.name, parsed.data.value] as const] : [];
  });
}

function visit(value: unknown, see: (value: unknown) => void): void {
  if (Array.isArray(value)) {
    for (const each of value) visit(each, see);
    return;
  }
  const parsed = node.safeParse(value);
  if (!parsed.success) return;
  see(value);
  for (const each of Object.values(parsed.data)) visit(each, see);
}
