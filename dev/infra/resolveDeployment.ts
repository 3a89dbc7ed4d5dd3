/**
 * Turns a snapshot of the compiler into what would really be there: every value that is known only while deploying
 * (`[reference(…)]`) is computed, with {@link standIns} for what Azure and Entra would answer.
 */
import { z } from 'zod';
import type { Json, RuntimeFunction } from './evaluateExpression.ts';
import { evaluateDeep, isList, isObject } from './evaluateExpression.ts';
import * as standIns from './standIns.ts';

const json: z.ZodType<Json> = z.json();
const expressions = z.record(z.string(), z.object({ value: json }));
const moduleResourceSchema = z.looseObject({ type: z.string(), name: json.optional() });
const moduleTemplateSchema = z.object({
  parameters: z.record(z.string(), z.unknown()).default({}),
  variables: z.record(z.string(), json).default({}),
  // A list where nothing in the module is referred to by name.
  resources: z.union([z.array(z.unknown()), z.record(z.string(), moduleResourceSchema)]).default({}),
  outputs: expressions.default({}),
});
const moduleSchema = z.object({
  type: z.literal('Microsoft.Resources/deployments'),
  dependsOn: z.array(z.string()).default([]),
  properties: z.object({
    parameters: z.record(z.string(), json).default({}),
    template: moduleTemplateSchema,
  }),
});
const templateSchema = z.object({
  parameters: z.record(z.string(), z.object({ defaultValue: json.optional() })),
  variables: z.record(z.string(), json).default({}),
  resources: z.record(z.string(), z.looseObject({ type: z.string() })),
});
const snapshotSchema = z.object({
  predictedResources: z.array(z.record(z.string(), json)),
  outputs: z.record(z.string(), json),
});
const parametersSchema = z.object({ parameters: z.record(z.string(), z.object({ value: json })) });

type Module = z.infer<typeof moduleSchema>;

/** A resource that would be there. Extension resources have the id of what they extend in theirs. */
export interface Resource {
  readonly id: string;
  readonly type: string;
  readonly name: string;
  /** Everything as the provider would get it. */
  readonly body: { readonly [key: string]: Json };
}

export interface Deployment {
  readonly resources: readonly Resource[];
  readonly outputs: Readonly<Record<string, Json>>;
  /** By module: the modules that are finished before it starts. */
  readonly startsAfter: Readonly<Record<string, readonly string[]>>;
}

/** The compiler's three answers, as JSON text. */
export interface CompilerAnswers {
  readonly snapshot: string;
  /** The compiled `main.bicep`: what modules give to each other is not in the snapshot. */
  readonly template: string;
  readonly parameters: string;
}

/** Throws an Error where an expression cannot be computed: a property that does not exist, a function not known here. */
export function resolveDeployment(answers: CompilerAnswers): Deployment {
  const resolver = new Resolver(answers);
  return resolver.resolve();
}

class Resolver {
  readonly #snapshot: z.infer<typeof snapshotSchema>;
  readonly #template: z.infer<typeof templateSchema>;
  readonly #given: z.infer<typeof parametersSchema>['parameters'];
  readonly #modules: ReadonlyMap<string, Module>;

  constructor(answers: CompilerAnswers) {
    this.#snapshot = snapshotSchema.parse(JSON.parse(answers.snapshot));
    this.#template = templateSchema.parse(JSON.parse(answers.template));
    this.#given = parametersSchema.parse(JSON.parse(answers.parameters)).parameters;
    this.#modules = new Map(
      Object.entries(this.#template.resources)
        .filter(([, resource]) => resource.type === 'Microsoft.Resources/deployments')
        .map(([name, resource]) => [name, moduleSchema.parse(resource)]),
    );
  }

  resolve(): Deployment {
    const runtime = this.#runtime(undefined);
    const resources = this.#snapshot.predictedResources.map((predicted): Resource => {
      const body = evaluateDeep(predicted, runtime);
      if (!isObject(body)) throw new Error('A resource is not an object');
      return { id: textOf(body['id']), type: textOf(body['type']), name: textOf(body['name']), body };
    });
    const outputs = evaluateDeep(this.#snapshot.outputs, runtime);
    if (!isObject(outputs)) throw new Error('Outputs are not an object');
    const startsAfter = Object.fromEntries(
      [...this.#modules].map(([name, module]) => [name, module.dependsOn]),
    );
    return { resources, outputs, startsAfter };
  }

  /** `module` undefined: in the snapshot or in `main.bicep`. */
  #runtime(module: string | undefined): RuntimeFunction {
    return (name, args) => {
      switch (name) {
        case 'reference':
          return this.#reference(textOf(args[0]), module);
        case 'parameters':
          return this.#parameter(textOf(args[0]), module);
        case 'variables':
          return this.#variable(textOf(args[0]), module);
        case 'resourceId':
        case 'subscriptionResourceId':
          return this.#resourceId(
            name,
            args.map((each) => textOf(each)),
          );
        case 'extensionResourceId':
          return `${textOf(args[0])}${providerPath(args.slice(1).map((each) => textOf(each)))}`;
        case 'environment':
          return standIns.environment;
        case 'tenant':
          return { tenantId: standIns.place.tenantId };
        case 'subscription':
          return { subscriptionId: standIns.place.subscriptionId };
        case 'deployment':
          return { name: 'main' };
        case 'guid':
          return standIns.guidOf(args);
        case 'uniqueString':
          return this.#token();
        case 'take':
          return textOf(args[0]).slice(0, Number(args[1]));
        case 'length':
          return textOf(args[0]).length;
        case 'endsWith':
          return textOf(args[0]).endsWith(textOf(args[1]));
        default:
          return undefined;
      }
    };
  }

  #reference(what: string, module: string | undefined): Json {
    const deployed = /\/Microsoft\.Resources\/deployments\/([^/]+)-[^-]+$/.exec(what)?.[1];
    const referred = deployed ?? (module === undefined && this.#modules.has(what) ? what : undefined);
    if (referred !== undefined) return this.#moduleReference(referred);
    const owner = module ?? this.#ownerOf((each) => findResource(each, what) !== undefined, what);
    const resource = findResource(this.#requireModule(owner), what);
    if (resource === undefined) throw new Error(`There is no resource ${what} in ${owner}`);
    if (resource.type === 'Microsoft.Graph/servicePrincipals@v1.0') {
      const { appId } = z.object({ appId: json }).parse(resource['properties']);
      return standIns.servicePrincipalOf(evaluateDeep(appId, this.#runtime(owner)));
    }
    const name = resource.name === undefined ? '' : textOf(evaluateDeep(resource.name, this.#runtime(owner)));
    const properties = standIns.findRuntimeProperties(resource.type, name);
    if (properties === undefined) throw new Error(`Nothing stands in for ${resource.type}`);
    return properties;
  }

  #moduleReference(name: string): Json {
    const { outputs } = this.#requireModule(name).properties.template;
    const values = Object.fromEntries(
      Object.entries(outputs).map(([output, { value }]) => [output, { value }]),
    );
    return { outputs: evaluateDeep(values, this.#runtime(name)) };
  }

  #parameter(name: string, module: string | undefined): Json {
    if (module === undefined && name in this.#template.parameters) {
      const value = this.#given[name]?.value ?? this.#template.parameters[name]?.defaultValue;
      if (value === undefined) throw new Error(`The parameter ${name} has no value`);
      return evaluateDeep(value, this.#runtime(undefined));
    }
    const owner = module ?? this.#ownerOf((each) => name in each.properties.parameters, name);
    const given = this.#requireModule(owner).properties.parameters[name] ?? null;
    const value = at(evaluateDeep(given, this.#runtime(undefined)), 'value');
    if (value === undefined) throw new Error(`The module ${owner} is not given ${name}`);
    return value;
  }

  #variable(name: string, module: string | undefined): Json {
    const isRoot = module === undefined && name in this.#template.variables;
    const owner = isRoot
      ? undefined
      : (module ?? this.#ownerOf((each) => name in each.properties.template.variables, name));
    const variables =
      owner === undefined
        ? this.#template.variables
        : this.#requireModule(owner).properties.template.variables;
    const value = variables[name];
    if (value === undefined) throw new Error(`There is no variable ${name}`);
    return evaluateDeep(value, this.#runtime(owner));
  }

  /** The snapshot does not say from which module an expression comes, so the name must be one module's alone. */
  #ownerOf(has: (module: Module) => boolean, what: string): string {
    const owners = [...this.#modules].filter(([, module]) => has(module)).map(([name]) => name);
    const [owner] = owners;
    if (owner === undefined || owners.length > 1) {
      throw new Error(`${what} is of ${owners.length === 0 ? 'no module' : owners.join(' and ')}`);
    }
    return owner;
  }

  #requireModule(name: string): Module {
    const module = this.#modules.get(name);
    if (module === undefined) throw new Error(`There is no module ${name}`);
    return module;
  }

  #resourceId(kind: string, args: readonly string[]): string {
    const typeAt = args.findIndex((each) => each.startsWith('Microsoft.'));
    const path = providerPath(args.slice(typeAt));
    const subscription = `/subscriptions/${standIns.place.subscriptionId}`;
    if (kind === 'subscriptionResourceId') return `${subscription}${path}`;
    return `${subscription}/resourceGroups/${args[typeAt - 1] ?? this.#resourceGroupName()}${path}`;
  }

  #resourceGroupName(): string {
    const group = this.#snapshot.predictedResources.find(
      (each) => each['type'] === 'Microsoft.Resources/resourceGroups',
    );
    return textOf(group?.['name']);
  }

  /** What `uniqueString` gave, as the compiler computed it: the end of the names. */
  #token(): string {
    for (const resource of this.#snapshot.predictedResources) {
      const token = /-([a-z0-9]{13})$/.exec(textOf(resource['name']))?.[1];
      if (token !== undefined) return token;
    }
    return 'unknowntoken1';
  }
}

function findResource(module: Module, name: string): z.infer<typeof moduleResourceSchema> | undefined {
  const { resources } = module.properties.template;
  return Array.isArray(resources) ? undefined : resources[name];
}

/** `['A.b/c/d', 'x', 'y']` as `/providers/A.b/c/x/d/y`. */
function providerPath([type = '', ...names]: readonly string[]): string {
  const [provider, ...kinds] = type.split('/');
  const steps = kinds.map((kind, index) => `${kind}/${names[index] ?? ''}`);
  return `/providers/${[provider, ...steps].join('/')}`;
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

/** Follows a path into a resource or a list; undefined where it ends before. */
export function at(value: Json | undefined, ...path: readonly (string | number)[]): Json | undefined {
  let found = value;
  for (const step of path) {
    if (isList(found) && typeof step === 'number') found = found[step];
    else found = isObject(found) ? found[step] : undefined;
  }
  return found;
}
