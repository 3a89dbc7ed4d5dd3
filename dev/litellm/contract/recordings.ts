/** What real proxies answered: the recordings of each version, and the shapes of the requests that they accept. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

/** The folder of the recordings. Its README.md says how they were made. */
const folder = join(import.meta.dirname, '../../../test/dev/litellm/recordings');

const stepSchema = z.object({
  /** What it does, in words. Two steps may have the same words. */
  step: z.string(),
  /** The alias of the calling key, `admin` for the master key, `nobody` for an unknown one. */
  as: z.string(),
  method: z.string(),
  /** With its query. */
  path: z.string(),
  body: z.record(z.string(), z.unknown()).optional(),
  status: z.number(),
  answer: z.unknown(),
});

export type Step = z.output<typeof stepSchema>;

/** Reads the steps of a version, in their order. They begin with an empty database. */
export function readSteps(version: string): readonly Step[] {
  return readFileSync(join(folder, `${version}.jsonl`), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => stepSchema.parse(JSON.parse(line)));
}

/**
 * A type as the recordings write it: text such as `string|null`, an object of fields (`!` marks a required one), a list
 * with the type of its entries, or `anyOf` several types.
 */
export type ShapeType = string | readonly ShapeType[] | { readonly [field: string]: ShapeType };

const shapeTypeSchema: z.ZodType<ShapeType> = z.lazy(() =>
  z.union([z.string(), z.array(shapeTypeSchema), z.record(z.string(), shapeTypeSchema)]),
);

const requestShapeSchema = z.object({
  /** Of the query and of the headers. */
  parameters: z.record(z.string(), shapeTypeSchema).optional(),
  body: z.record(z.string(), shapeTypeSchema).optional(),
});

export type RequestShape = z.output<typeof requestShapeSchema>;

const shapesSchema = z.object({ requests: z.record(z.string(), requestShapeSchema) });

/** Reads the shapes of a version's requests, by method and path, for example `POST /team/new`. */
export function readRequestShapes(version: string): Readonly<Record<string, RequestShape>> {
  return shapesSchema.parse(JSON.parse(readFileSync(join(folder, `${version}.requests.json`), 'utf8')))
    .requests;
}
