/**
 * Imports of browser code as text: `import { text } from './client/home.ts?text'` is that file, bundled and minified. The app's bundle,
 * the tests and a plain Node each need their own hook for it, and all three are here.
 */
import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync, type Plugin } from 'esbuild';

const suffix = '?text';

/** Returns the code of a module that exports a `.ts` or `.css` file, bundled for browsers, as `text`. Throws if it doesn't bundle. */
function createTextModule(file: string): string {
  const { outputFiles } = buildSync({
    entryPoints: [file],
    bundle: true,
    write: false,
    minify: true,
    format: 'iife',
    target: ['chrome111', 'firefox115', 'safari16.4'],
    charset: 'utf8',
    logLevel: 'error',
  });
  const [output] = outputFiles;
  return `export const text = ${JSON.stringify(output?.text.trim())};`;
}

/** Returns the plugin for the app's bundle. */
export function browserText(): Plugin {
  return {
    name: 'browserText',
    setup: (build) => {
      build.onResolve({ filter: /\?text$/ }, ({ path, resolveDir }) => ({
        path: join(resolveDir, path.slice(0, -suffix.length)),
        namespace: 'browserText',
      }));
      build.onLoad({ filter: /./, namespace: 'browserText' }, ({ path }) => ({
        contents: createTextModule(path),
      }));
    },
  };
}

/** Returns the plugin for Vitest. */
export function browserTextInTests() {
  // By Rollup's convention `\0` keeps other plugins away, and the ending keeps Vite from reading it as a stylesheet.
  const [prefix, ending] = ['\0', '.text.js'];
  return {
    name: 'browserText',
    enforce: 'pre' as const,
    resolveId: (id: string, importer = '') =>
      id.endsWith(suffix)
        ? `${prefix}${join(importer, '..', id.slice(0, -suffix.length))}${ending}`
        : undefined,
    load: (id: string) =>
      id.endsWith(ending) ? createTextModule(id.slice(prefix.length, -ending.length)) : undefined,
  };
}

/** Lets this process import them without a bundle. Modules that were imported before are not affected. */
export function registerBrowserText(): void {
  registerHooks({
    load: (url, context, nextLoad) =>
      url.endsWith(suffix)
        ? { format: 'module', shortCircuit: true, source: createTextModule(fileURLToPath(url)) }
        : nextLoad(url, context),
  });
}
