/**
 * What `main.bicepparam` makes of the azd environment. The deployments that are checked have parameter files of their own, so
 * that this file, which alone is used in earnest, is checked here.
 */
import { deepEqual } from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { startBicepServer } from './bicepServer.ts';
import type { BicepServer } from './bicepServer.ts';
import { compileParameters, compileTemplate } from './deployInTheory.ts';
import type { Json } from './evaluateExpression.ts';
import { copyInfra, infraDir } from './infraCopy.ts';
import type { InfraCopy } from './infraCopy.ts';

export const CHOICES_FILE = 'main.bicepparam';

/** What azd sets before it reads the file, and nobody chooses. */
export const azdEnvironment = { AZURE_ENV_NAME: 'contoso', AZURE_LOCATION: 'swedencentral' } as const;

type Values = Readonly<Record<string, Json>>;

export interface Choices {
  /** The text of the file. */
  readonly source: string;
  /** By parameter: the default in `main.bicep`. Those without one are left out. */
  readonly defaults: Values;
  /** What every parameter is given where only {@link azdEnvironment} is set. */
  readonly atFirst: Values;
  /** A value for every parameter, other than its default, of the deployments that are checked. */
  readonly wanted: Values;
  /** What every parameter is given where the variables of all parameters are set to `wanted`. */
  readonly chosen: Values;
}

/** Gives the name that the parameter has in the azd environment: `httpAlwaysReady` is `HTTP_ALWAYS_READY`. */
export function variableOf(parameter: string): string {
  const azds = azdsOwn.get(parameter);
  return azds ?? parameter.replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase();
}

/** azd names these two itself. */
const azdsOwn: ReadonlyMap<string, string> = new Map([
  ['environmentName', 'AZURE_ENV_NAME'],
  ['location', 'AZURE_LOCATION'],
]);

/** One thing that must be true of the choices; with a name, as those of deployments have one. */
interface ChoiceAssertion {
  /** A present-tense sentence. */
  readonly name: string;
  /** Throws an AssertionError where it is not so. */
  readonly check: (choices: Choices) => void;
}

export const choiceAssertions: readonly ChoiceAssertion[] = [
  {
    name: 'what is chosen in the azd environment arrives, each choice at its own parameter',
    check: ({ chosen, wanted }) => deepEqual(chosen, wanted),
  },
  {
    name: 'what nobody chooses has the default of the template',
    check: ({ atFirst, defaults }) => {
      const { AZURE_ENV_NAME: environmentName, AZURE_LOCATION: location } = azdEnvironment;
      deepEqual(atFirst, { ...defaults, environmentName, location });
    },
  },
  {
    name: 'every parameter is read from the one variable that has its name',
    check: ({ source, wanted }) => {
      const read = [...source.matchAll(/^param (\w+) = (.+)$/gm)].map(([, parameter, value = '']) => [
        parameter,
        [...value.matchAll(/readEnvironmentVariable\('(\w+)'/g)].map((found) => found[1]),
      ]);
      const parameters = Object.keys(wanted);
      deepEqual(
        Object.fromEntries(read),
        Object.fromEntries(parameters.map((parameter) => [parameter, [variableOf(parameter)]])),
      );
    },
  },
];

export interface ChoiceReader {
  /** Compiles the file with that text in it. Throws an Error where it does not compile, but for a value that is not allowed. */
  read(source: string): Promise<Choices>;
  stop(): Promise<void>;
}

/** Starts two compilers, in an environment each: at first, and with everything chosen. */
export async function startChoiceReader(bicepPath: string): Promise<ChoiceReader> {
  const copy = await copyInfra(bicepPath, { linter: false });
  const { defaults, parameters, wanted } = await readTemplate(bicepPath, copy);
  // Whoever runs the check may have such a variable for another reason.
  const nothing = Object.fromEntries(parameters.map((parameter) => [variableOf(parameter), undefined]));
  const everything = Object.fromEntries(
    Object.entries(wanted).map(([parameter, value]) => [
      variableOf(parameter),
      typeof value === 'string' ? value : JSON.stringify(value),
    ]),
  );
  const atFirst = startBicepServer(bicepPath, { ...nothing, ...azdEnvironment });
  const chosen = startBicepServer(bicepPath, everything);
  const file = copy.path(CHOICES_FILE);
  return {
    read: async (source) => {
      await writeFile(file, source);
      const [first, all] = await Promise.all([valuesOf(atFirst, file), valuesOf(chosen, file)]);
      return { source, defaults, wanted, atFirst: first, chosen: all };
    },
    stop: async () => {
      await Promise.all([atFirst.stop(), chosen.stop()]);
      await copy.remove();
    },
  };
}

const json: z.ZodType<Json> = z.json();
const templateSchema = z.object({
  parameters: z.record(z.string(), z.object({ defaultValue: json.optional() })),
});
const parametersSchema = z.object({ parameters: z.record(z.string(), z.object({ value: json })) });

async function readTemplate(
  bicepPath: string,
  copy: InfraCopy,
): Promise<{ readonly defaults: Values; readonly parameters: readonly string[]; readonly wanted: Values }> {
  const server = startBicepServer(bicepPath);
  try {
    const template = templateSchema.parse(JSON.parse(await compileTemplate(server, copy)));
    const defaults: Record<string, Json> = {};
    for (const [name, { defaultValue }] of Object.entries(template.parameters)) {
      if (defaultValue !== undefined) defaults[name] = defaultValue;
    }
    return { defaults, parameters: Object.keys(template.parameters), wanted: await readWanted(server, copy) };
  } finally {
    await server.stop();
  }
}

/** `everythingChosen` wins; what excludes it (an own application) is in the other files. */
async function readWanted(server: BicepServer, copy: InfraCopy): Promise<Values> {
  const files = readdirSync(join(infraDir, 'check')).filter((file) => file.endsWith('.bicepparam'));
  const names = files
    .map((file) => basename(file, '.bicepparam'))
    .filter((name) => name !== 'everythingChosen');
  const wanted: Record<string, Json> = {};
  for (const name of [...names.sort(), 'everythingChosen']) {
    Object.assign(wanted, plainValues(await compileParameters(server, copy, name)));
  }
  return wanted;
}

/** The compiler's codes for a value that the parameter does not allow: its type, its range, its length. */
const NOT_ALLOWED: ReadonlySet<string> = new Set(['BCP033', 'BCP327', 'BCP328', 'BCP332', 'BCP333']);

/** Where the compiler refuses a value, what it says of it stands in place of all values: nothing arrives then. */
async function valuesOf(server: BicepServer, file: string): Promise<Values> {
  const { parameters, diagnostics } = await server.compileParams(file);
  if (typeof parameters === 'string') return plainValues(parameters);
  const errors = diagnostics.filter(({ level }) => level === 'Error');
  const messages = errors.map(({ code, message }) => `${code} ${message}`).join('; ');
  if (errors.length > 0 && errors.every(({ code }) => NOT_ALLOWED.has(code))) return { refused: messages };
  throw new Error(`${CHOICES_FILE} does not compile: ${messages}`);
}

function plainValues(parameters: string): Values {
  const parsed = parametersSchema.parse(JSON.parse(parameters));
  return Object.fromEntries(Object.entries(parsed.parameters).map(([name, { value }]) => [name, value]));
}

/** Gives the file as it is. */
export function readChoicesSource(): string {
  return readFileSync(join(infraDir, CHOICES_FILE), 'utf8');
}
