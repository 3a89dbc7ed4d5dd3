/** Computes what an expression gives, with the part of Azure's functions that our template uses. */
import type { ArmNode } from './armExpression.ts';
import { isExpression, parseExpression } from './armExpression.ts';

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** What depends on the deployment: resources, parameters, variables, names. `undefined`: it is not such a function. */
export type RuntimeFunction = (name: string, args: readonly Json[]) => Json | undefined;

interface Scope {
  readonly runtime: RuntimeFunction;
  readonly lambda: ReadonlyMap<string, Json>;
}

/** Gives a value with every expression in it (keys too) replaced by what it gives. Throws where one cannot be computed. */
export function evaluateDeep(value: Json, runtime: RuntimeFunction): Json {
  const scope = { runtime, lambda: new Map<string, Json>() };
  return deep(value, scope);
}

function deep(value: Json, scope: Scope): Json {
  if (typeof value === 'string') {
    if (isExpression(value)) return evaluate(parseExpression(value), scope);
    return value.startsWith('[[') ? value.slice(1) : value;
  }
  if (isList(value)) return value.map((item) => deep(item, scope));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [requireText(deep(key, scope)), deep(item, scope)]),
  );
}

function evaluate(node: ArmNode, scope: Scope): Json {
  switch (node.kind) {
    case 'literal':
      return node.value;
    case 'member':
      return requireMember(evaluate(node.of, scope), node.name);
    case 'index':
      return requireMember(evaluate(node.of, scope), evaluate(node.index, scope));
    case 'call':
      return evaluateCall(node.name, node.args, scope);
    default:
      throw new Error('This is no expression');
  }
}

/** Those that must not compute all their arguments come first. */
function evaluateCall(name: string, args: readonly ArmNode[], scope: Scope): Json {
  const compute = (index: number): Json => evaluate(requireItem(args, index), scope);
  switch (name) {
    case 'if':
      return compute(0) === true ? compute(1) : compute(2);
    case 'coalesce': {
      for (const each of args) {
        const value = evaluate(each, scope);
        if (value !== null) return value;
      }
      return null;
    }
    case 'lambdaVariables': {
      const value = scope.lambda.get(requireText(compute(0)));
      if (value === undefined) throw new Error('There is no such lambda variable');
      return value;
    }
    case 'filter':
      return requireList(compute(0)).filter((item) => applyLambda(args[1], item, scope) === true);
    case 'map':
      return requireList(compute(0)).map((item) => applyLambda(args[1], item, scope));
    default: {
      const values = args.map((each) => evaluate(each, scope));
      const value = scope.runtime(name, values) ?? plainFunctions[name]?.(values);
      if (value === undefined) throw new Error(`The function ${name} is not known to this check`);
      return value;
    }
  }
}

function applyLambda(node: ArmNode | undefined, item: Json, scope: Scope): Json {
  if (node?.kind !== 'call' || node.name !== 'lambda') throw new Error('A lambda is missing');
  const [variable, body] = node.args;
  if (variable?.kind !== 'literal' || body === undefined)
    throw new Error('A lambda without variable or body');
  const lambda = new Map(scope.lambda).set(String(variable.value), item);
  return evaluate(body, { ...scope, lambda });
}

const plainFunctions: Readonly<Record<string, (values: readonly Json[]) => Json>> = {
  null: () => null,
  true: () => true,
  false: () => false,
  not: ([value]) => value !== true,
  empty: ([value]) => isEmpty(value),
  equals: ([a, b]) => JSON.stringify(a) === JSON.stringify(b),
  contains: ([list, item]) => requireList(list).includes(item ?? null),
  concat: (values) =>
    values.every((value) => isList(value))
      ? values.flatMap((value) => [...requireList(value)])
      : values.map((value) => requireText(value)).join(''),
  format: ([pattern, ...values]) =>
    requireText(pattern).replaceAll(/\{(\d+)\}/g, (_whole, index: string) => printed(values[Number(index)])),
  split: ([text, separator]) => requireText(text).split(requireText(separator)),
  toLower: ([text]) => requireText(text).toLowerCase(),
  createObject: (pairs) =>
    Object.fromEntries(
      pairs.flatMap((key, index) => (index % 2 === 0 ? [[requireText(key), pairs[index + 1] ?? null]] : [])),
    ),
  tryGet: ([value, ...path]) => {
    let found: Json = value ?? null;
    for (const step of path) found = findMember(found, step) ?? null;
    return found;
  },
};

function isEmpty(value: Json | undefined): boolean {
  if (value === undefined || value === null || value === '') return true;
  if (isList(value)) return value.length === 0;
  return isObject(value) && Object.keys(value).length === 0;
}

function findMember(value: Json, step: Json): Json | undefined {
  if (isList(value)) return typeof step === 'number' ? value[step] : undefined;
  if (!isObject(value) || typeof step !== 'string') return undefined;
  // Azure does not tell upper from lower case here.
  const key = Object.keys(value).find((each) => each.toLowerCase() === step.toLowerCase());
  return key === undefined ? undefined : value[key];
}

function requireMember(value: Json, step: Json): Json {
  const found = findMember(value, step);
  if (found === undefined) throw new Error(`There is no ${JSON.stringify(step)} in ${JSON.stringify(value)}`);
  return found;
}

function requireItem<T>(items: readonly T[], index: number): T {
  const item = items[index];
  if (item === undefined) throw new Error(`Argument ${index + 1} is missing`);
  return item;
}

export function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

export function isObject(value: Json | undefined): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function requireText(value: Json | undefined): string {
  if (typeof value !== 'string') throw new Error(`A text is expected, not ${JSON.stringify(value)}`);
  return value;
}

/** As Azure's `format` writes it: numbers and texts as they are. */
function printed(value: Json | undefined): string {
  return typeof value === 'number' ? String(value) : requireText(value);
}

function requireList(value: Json | undefined): readonly Json[] {
  if (!isList(value)) throw new Error(`A list is expected, not ${JSON.stringify(value)}`);
  return value;
}
