/** Returns the named fields that are given and not null, like `exclude_none` in LiteLLM. */
export function keepGiven<Result extends object>(
  body: { readonly [Name in keyof Result]?: Result[Name] | null | undefined },
  names: readonly (keyof Result)[],
): Partial<Result> {
  const given: Partial<Result> = {};
  for (const name of names) {
    const value = body[name];
    if (value !== undefined && value !== null) given[name] = value;
  }
  return given;
}
