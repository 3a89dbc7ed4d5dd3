/** Checks a request against the shapes that a version of LiteLLM accepts. */
import type { RequestShape, ShapeType } from './recordings.ts';

export interface SentRequest {
  readonly method: string;
  /** Without its query. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** Names of headers in small letters. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/** Headers that belong to HTTP, or are the key. Any other is a parameter of the request. */
const plainHeaders: ReadonlySet<string> = new Set(['accept', 'authorization', 'content-type']);

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * Returns in words what the version does not accept: an unknown path, an unknown field or parameter, a wrong type, a missing
 * field. `shape` is `undefined` for an unknown path.
 */
export function findRequestFaults(request: SentRequest, shape: RequestShape | undefined): readonly string[] {
  if (shape === undefined) return ['unknown request'];
  const parameters = {
    ...request.query,
    ...Object.fromEntries(Object.entries(request.headers).filter(([name]) => !plainHeaders.has(name))),
  };
  const ofParameters = findFieldFaults(parameters, shape.parameters ?? {}, (value, type) =>
    fitsText(String(value), type),
  );
  if (request.body === undefined) return ofParameters;
  if (!isRecord(request.body)) return [...ofParameters, 'the body is not an object'];
  return [...ofParameters, ...findFieldFaults(request.body, shape.body ?? {}, fits)];
}

type Fields = Readonly<Record<string, ShapeType>>;

function findFieldFaults(
  given: Readonly<Record<string, unknown>>,
  fields: Fields,
  isFit: (value: unknown, type: ShapeType) => boolean,
): string[] {
  const wrong = Object.entries(given).flatMap(([name, value]) => {
    const type = fields[name] ?? fields[`${name}!`];
    if (type === undefined) return [`unknown: ${name}`];
    return isFit(value, type) ? [] : [`wrong type: ${name} is ${JSON.stringify(value)}`];
  });
  const missing = Object.keys(fields)
    .filter((name) => name.endsWith('!'))
    .map((name) => name.slice(0, -1))
    .filter((name) => !(name in given));
  return [...wrong, ...missing.map((name) => `missing: ${name}`)];
}

/** Whether the text of a parameter can be read as the type. */
function fitsText(text: string, type: ShapeType): boolean {
  if (fits(text, type)) return true;
  if (text === 'true' || text === 'false') return fits(text === 'true', type);
  return text !== '' && fits(Number(text), type);
}

function fits(value: unknown, type: ShapeType): boolean {
  if (typeof type === 'string') return type.split('|').some((each) => fitsName(value, each));
  if (isList(type)) return Array.isArray(value) && value.every((entry) => fits(entry, type[0] ?? 'unknown'));
  const { anyOf } = type;
  if (isList(anyOf)) return anyOf.some((each) => fits(value, each));
  return isRecord(value) && findFieldFaults(value, type, fits).length === 0;
}

const isList = (type: ShapeType | undefined): type is readonly ShapeType[] => Array.isArray(type);

function fitsName(value: unknown, name: string): boolean {
  if (name.endsWith('[]')) {
    return Array.isArray(value) && value.every((entry) => fitsName(entry, name.slice(0, -2)));
  }
  switch (name) {
    case 'unknown':
      return true;
    case 'null':
      return value === null;
    case 'integer':
      return Number.isInteger(value);
    case 'object':
      return isRecord(value);
    default:
      return name.startsWith('"') ? name === JSON.stringify(value) : typeof value === name;
  }
}
