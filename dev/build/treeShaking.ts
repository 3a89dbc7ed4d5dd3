import type { Plugin } from 'esbuild';

/** Packages that declare `sideEffects: false` where esbuild does not see it. */
const shaken = /node_modules[\\/](?:@typespec|@azure[\\/](?:abort-|core-|data-|logger|storage-))/;
/** The same in an import; everything that reaches those packages begins with one of these. */
const scopes = /^@(?:azure|typespec)\/|^\.{1,2}\//;

/**
 * Gives the esbuild plugin that leaves out what the app cannot reach (about 400 KB):
 *
 * - The Azure packages declare `sideEffects: false`, but a second package.json in their `dist/esm` hides it from esbuild, which
 *   looks no further; so a checksum in WebAssembly for blobs comes along with a queue client.
 * - MSAL signs with `jsonwebtoken` only where the client credential is a certificate, and this app's is a secret or
 *   a federated credential. Its place takes a stub that says so.
 * - Zod brings its error messages in some fifty languages wherever somebody imports its `z`; the app's are in English.
 */
export function treeShaking(): Plugin {
  return {
    name: 'treeShaking',
    setup: (build) => {
      build.onResolve({ filter: scopes }, async (args) => {
        const isInside = shaken.test(args.importer) || !args.path.startsWith('.');
        if (args.pluginData === 'resolving' || !isInside) {
          return undefined;
        }
        const { importer, resolveDir, kind } = args;
        const found = await build.resolve(args.path, { importer, resolveDir, kind, pluginData: 'resolving' });
        return found.errors.length === 0 && shaken.test(found.path)
          ? { path: found.path, sideEffects: false }
          : undefined;
      });
      build.onLoad({ filter: /node_modules[\\/]jsonwebtoken[\\/]index\.js$/ }, () => ({
        contents: `exports.sign = () => { throw new Error('Certificates as client credential are left out of the bundle (dev/build/treeShaking.ts).'); };`,
        loader: 'js',
      }));
      build.onLoad({ filter: /node_modules[\\/]zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, () => ({
        contents: `export { default as en } from './en.js';`,
        loader: 'js',
      }));
    },
  };
}
