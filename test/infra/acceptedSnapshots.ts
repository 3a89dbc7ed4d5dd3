/** Reads `infra/snapshots/`. `bicep.test.ts` proves that they match the repository. */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { snapshotsDir } from '../../dev/infra/infraCheck.ts';
import { isList, isObject, type Json, parseJson } from '../../dev/infra/snapshots.ts';

function read(file: string): Json {
  return parseJson(readFileSync(join(snapshotsDir, file), 'utf8'));
}

/** Returns the value at a path. Returns undefined if the path leads to no value. */
export function at(value: Json | undefined, ...path: readonly (string | number)[]): Json | undefined {
  let found = value;
  for (const key of path) {
    if (isList(found) && typeof key === 'number') found = found[key];
    else found = isObject(found) ? found[key] : undefined;
  }
  return found;
}

/** The compiled `main.bicep`. */
export const template = read('template.json');

/** Returns the compiled resources of a module. */
export function moduleResources(module: string): Json | undefined {
  return at(template, 'resources', module, 'properties', 'template', 'resources');
}

export interface Deployment {
  readonly name: string;
  readonly outputs: Json | undefined;
  /** The predicted resources, by id. */
  readonly resources: Readonly<Record<string, Json>>;
}

const resourcesOf = (file: string): Readonly<Record<string, Json>> =>
  objectAt(read(file), 'predictedResources');

/** Every predicted deployment. */
export const deployments: readonly Deployment[] = readdirSync(join(snapshotsDir, 'deployments')).map(
  (name) => {
    const file = `deployments/${name}`;
    const usual = resourcesOf('deployments/default.json');
    const resources: Record<string, Json> = {};
    for (const [id, resource] of Object.entries(resourcesOf(file))) {
      resources[id] = typeof resource === 'string' ? (usual[id] ?? null) : resource;
    }
    return { name: basename(name, '.json'), outputs: at(read(file), 'outputs'), resources };
  },
);

export function requireDeployment(name: string): Deployment {
  const found = deployments.find((deployment) => deployment.name === name);
  if (found === undefined) throw new Error(`No deployment has the name ${name}.`);
  return found;
}

/** Returns the resources of a type. For a type of Microsoft Graph, the version may be left out. */
export function resourcesOfType(deployment: Deployment, type: string): readonly Json[] {
  return Object.values(deployment.resources).filter((each) => textAt(each, 'type').split('@')[0] === type);
}

/** Returns the app settings, by name. */
export function settingsOf(deployment: Deployment): Readonly<Record<string, string>> {
  const [site] = resourcesOfType(deployment, 'Microsoft.Web/sites');
  return Object.fromEntries(
    listOf(at(site, 'properties', 'siteConfig', 'appSettings')).map((setting) => [
      textAt(setting, 'name'),
      textAt(setting, 'value'),
    ]),
  );
}

export function listOf(value: Json | undefined): readonly Json[] {
  return isList(value) ? value : [];
}

/** Returns the text at a path as it was before the snapshot split it. Returns an empty text if the path leads to no value. */
export function textAt(value: Json | undefined, ...path: readonly (string | number)[]): string {
  const found = at(value, ...path);
  if (typeof found === 'string') return found;
  const lines = listOf(at(found, '(lines)')).map((line) => textAt(line));
  return lines.join('\n') || JSON.stringify(at(found, '(JSON)') ?? '');
}

export function objectAt(
  value: Json | undefined,
  ...path: readonly (string | number)[]
): Readonly<Record<string, Json>> {
  const found = at(value, ...path);
  return isObject(found) ? found : {};
}
