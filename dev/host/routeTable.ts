/** ASP.NET's route templates, as far as this app needs them: literals, `{id}`, `{id?}`, `{id:int}` and `{*rest}`. */

export interface RouteEntry {
  readonly functionName: string;
  /** The template without prefix. Slashes around it do not matter. */
  readonly route: string;
  /** In upper case. An empty list allows every method. */
  readonly methods: readonly string[];
}

export interface RouteMatch {
  readonly functionName: string;
  /** Decoded. Optional parameters that are absent are left out. */
  readonly parameters: Readonly<Record<string, string>>;
}

export interface RouteTable {
  /**
   * Finds the function for a method and a path. Upper and lower case do not matter, and neither does one slash at the end. An empty
   * segment (`//`) matches nothing. Returns `undefined` for a wrong method too, because Azure's host answers 404 to it, not 405.
   * Azure's host does not serve HEAD from a GET function either.
   */
  find(method: string, path: string): RouteMatch | undefined;
}

/**
 * Creates the table of these routes under host.json's prefix. The most specific template that matches wins.
 * Throws a RangeError for a template that the local host does not support.
 */
export function createRouteTable(entries: readonly RouteEntry[], routePrefix: string): RouteTable {
  const routes = entries
    .map((entry) => ({ entry, ...parseTemplate(`${routePrefix}/${entry.route}`) }))
    .sort((a, b) => a.precedence.localeCompare(b.precedence));
  return {
    find: (method, path) => {
      if (path.includes('//')) return undefined;
      const pathname = path.length > 1 ? path.replace(/\/$/, '') : path;
      for (const { entry, pattern } of routes) {
        const accepts = entry.methods.length === 0 || entry.methods.includes(method.toUpperCase());
        const groups = accepts ? pattern.exec({ pathname })?.pathname.groups : undefined;
        if (groups !== undefined) {
          return { functionName: entry.functionName, parameters: decodeParameters(groups) };
        }
      }
      return undefined;
    },
  };
}

interface ParsedTemplate {
  readonly pattern: URLPattern;
  /** Sorts templates: literals come first, then constrained parameters, parameters, and catch-alls. */
  readonly precedence: string;
}

function parseTemplate(template: string): ParsedTemplate {
  const segments = template
    .split('/')
    .filter((segment) => segment !== '')
    .map(parseSegment);
  const pathname = segments.map(({ source }) => `/${source}`).join('');
  return {
    pattern: new URLPattern({ pathname: pathname === '' ? '/' : pathname }, { ignoreCase: true }),
    precedence: segments.map(({ rank }) => rank).join(''),
  };
}

/** Translates a segment into the syntax of `URLPattern`. */
function parseSegment(segment: string): { readonly source: string; readonly rank: string } {
  if (!/[{}]/.test(segment)) {
    return { source: segment.replaceAll(/[*+?:()\\]/g, String.raw`\$&`), rank: '1' };
  }
  const match = /^\{(\*)?([A-Za-z_]\w*)(:int)?(\?)?\}$/.exec(segment);
  if (match === null) {
    throw new RangeError(`The route segment "${segment}" is not supported by the local host.`);
  }
  const [, star, name, int, optional = ''] = match;
  if (star !== undefined) {
    return { source: `:${name}*`, rank: '5' };
  }
  return int === undefined
    ? { source: `:${name}${optional}`, rank: '3' }
    : { source: String.raw`:${name}(-?\d+)${optional}`, rank: '2' };
}

function decodeParameters(groups: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const parameters: Record<string, string> = {};
  for (const [name, value] of Object.entries(groups)) {
    if (value !== undefined && value !== '') {
      parameters[name] = decode(value);
    }
  }
  return parameters;
}

/** Percent-decodes a value. An escaped slash stays escaped, and a malformed value stays as it is. */
function decode(value: string): string {
  try {
    return decodeURIComponent(value.replaceAll(/%2f/gi, '%252F'));
  } catch {
    return value;
  }
}
