/** Lists of model names, and what two of them allow together. Pure. */
import { ALL_ORG_MODELS, ALL_PROXY_MODELS, ALL_TEAM_MODELS, NO_DEFAULT_MODELS } from './entities.ts';

/** Names that mean a set of models, and are never a model's own name. */
const SPECIAL_NAMES: ReadonlySet<string> = new Set([
  ALL_ORG_MODELS,
  ALL_PROXY_MODELS,
  ALL_TEAM_MODELS,
  NO_DEFAULT_MODELS,
]);

/** Returns the names without the special ones. */
export function namedModels(models: readonly string[]): readonly string[] {
  return models.filter((model) => !SPECIAL_NAMES.has(model));
}

/** Returns whether a list allows every model of the proxy: it is empty, or has `all-proxy-models`. */
export function allowsAllModels(models: readonly string[]): boolean {
  return models.length === 0 || models.includes(ALL_PROXY_MODELS);
}

/**
 * Returns whether a name of a list covers a model, or all models of another pattern. As in LiteLLM
 * (`is_model_allowed_by_pattern` in `auth_checks.py`), `*` matches any characters, also none and also slashes. LiteLLM also matches
 * `openai/*` with a bare `gpt-4o`, by a table of providers that this product does not have.
 * @example
 * coversModel('openai/*', 'openai/gpt-4o') // true
 * coversModel('openai/*', 'openai/gpt-*') // true
 */
export function coversModel(name: string, model: string): boolean {
  const [first = '', ...parts] = name.split('*');
  const last = parts.pop();
  if (last === undefined) return name === model;
  if (!model.startsWith(first)) return false;
  let from = first.length;
  for (const part of parts) {
    const at = model.indexOf(part, from);
    if (at === -1) return false;
    from = at + part.length;
  }
  return model.length - last.length >= from && model.endsWith(last);
}

const isCoveredBy = (names: readonly string[], model: string): boolean =>
  names.some((name) => coversModel(name, model));

/**
 * Returns the models that both lists allow, in the order of `own`. A pattern that is wider than the other list's names becomes these
 * names. Of two patterns that overlap in part, neither remains. Returns `undefined` if both allow everything, and an empty list only
 * if they have no model in common.
 */
export function intersectModels(
  own: readonly string[],
  bound: readonly string[],
): readonly string[] | undefined {
  const inherits = allowsAllModels(own) || own.includes(ALL_ORG_MODELS);
  if (allowsAllModels(bound)) return inherits ? undefined : namedModels(own);
  const allowed = namedModels(bound);
  if (inherits) return allowed;
  const wanted = namedModels(own);
  const kept = wanted.filter((model) => isCoveredBy(allowed, model));
  const narrowed = allowed.filter((model) => isCoveredBy(wanted, model));
  return [...new Set([...kept, ...narrowed])];
}
