import { type RouteTemplate, matchRoute, parseRouteTemplate } from './routeTemplate.ts';

export interface RouteEntry {
  readonly functionName: string;
  /** The template without prefix. */
  readonly route: string;
  /** Upper case; empty allows every method. */
  readonly methods: readonly string[];
}

export interface RouteMatch {
  readonly functionName: string;
  readonly parameters: Readonly<Record<string, string>>;
}

export interface RouteTable {
  /**
   * Finds the function for a method and a path. `undefined` for a wrong method too: Azure's host answers 404 to
   * it, not 405, and does not serve HEAD from a GET function.
   */
  find(method: string, path: string): RouteMatch | undefined;
}

/** Gives the table of these routes under host.json's prefix; the most specific template that matches wins. */
export function createRouteTable(entries: readonly RouteEntry[], routePrefix: string): RouteTable {
  const routes: { readonly entry: RouteEntry; readonly template: RouteTemplate }[] = entries
    .map((entry) => ({ entry, template: parseRouteTemplate(`${routePrefix}/${trimSlashes(entry.route)}`) }))
    .sort((a, b) => a.template.precedence.localeCompare(b.template.precedence));
  return {
    find: (method, path) => {
      for (const { entry, template } of routes) {
        const accepts = entry.methods.length === 0 || entry.methods.includes(method.toUpperCase());
        const parameters = accepts ? matchRoute(template, path) : undefined;
        if (parameters !== undefined) {
          return { functionName: entry.functionName, parameters };
        }
      }
      return undefined;
    },
  };
}

function trimSlashes(route: string): string {
  return route.replaceAll(/^\/+|\/+$/g, '');
}
