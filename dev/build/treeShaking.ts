import type { Plugin } from 'esbuild';

/** Packages whose `sideEffects: false` esbuild does not see. */
const shaken = /node_modules[\\/](?:@typespec|@azure[\\/](?:abort-|core-|data-|logger|storage-))/;
/** The beginnings of all imports that can lead to those packages. */
const scopes = /^@(?:azure|typespec)\/|^\.{1,2}\//;

/**
 * Creates the esbuild plugin that leaves out code which the app never runs (about 400 KB):
 *
 * - The Azure packages declare `sideEffects: false`, but a second package.json in their `dist/esm` hides it from esbuild. Without
 *   this plugin, a queue client would bring a WebAssembly checksum for blobs.
 * - MSAL uses `jsonwebtoken` only if the client credential is a certificate. This app's is a secret or a federated credential, so
 *   a stub with an explaining error replaces the package.
 * - Importing Zod's `z` brings error messages in about fifty languages. The app uses only English.
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
