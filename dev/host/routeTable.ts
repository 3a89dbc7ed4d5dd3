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
 * Creates the table of these routes under host.json's prefix. Of two templates that match, the one of the function whose name comes
 * first in the alphabet wins, however specific the other is (https://github.com/Azure/azure-functions-host/issues/9876).
 * Throws a RangeError for a template that the local host does not support.
 */
export function createRouteTable(entries: readonly RouteEntry[], routePrefix: string): RouteTable {
  const routes = entries
    .map((entry) => ({ entry, pattern: parseTemplate(`${routePrefix}/${entry.route}`) }))
    .sort((a, b) => a.entry.functionName.localeCompare(b.entry.functionName, 'en'));
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

function parseTemplate(template: string): URLPattern {
  const segments = template.split('/').filter((segment) => segment !== '');
  const pathname = segments.map((segment) => `/${parseSegment(segment)}`).join('');
  return new URLPattern({ pathname: pathname === '' ? '/' : pathname }, { ignoreCase: true });
}

/** Translates a segment into the syntax of `URLPattern`. */
function parseSegment(segment: string): string {
  if (!/[{}]/.test(segment)) {
    return segment.replaceAll(/[*+?:()\\]/g, String.raw`\$&`);
  }
  const match = /^\{(\*)?([A-Za-z_]\w*)(:int)?(\?)?\}$/.exec(segment);
  if (match === null) {
    throw new RangeError(`The route segment "${segment}" is not supported by the local host.`);
  }
  const [, star, name, int, optional = ''] = match;
  if (star !== undefined) {
    return `:${name}*`;
  }
  return int === undefined ? `:${name}${optional}` : String.raw`:${name}(-?\d+)${optional}`;
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
