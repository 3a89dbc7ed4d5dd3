/**
 * Loads an app as the worker does, in a process of its own, and prints how long that took: `node test/bench/loadApp.ts FOLDER`.
 * One line of JSON: milliseconds, the modules that were loaded, the functions registered.
 */
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { createCoreModule, installCoreModule } from '../../dev/host/coreModule.ts';

const folder = resolve(process.argv[2] ?? '');
const core = createCoreModule(() => undefined);
installCoreModule(core.exports);
const require = createRequire(join(folder, 'package.json'));
const startMs = performance.now();
require(join(folder, 'main.cjs'));
const loadMs = performance.now() - startMs;
const modules = Object.keys(require.cache).length;
if (core.functions.size === 0) throw new Error(`${folder} registered no function.`);
console.log(JSON.stringify({ loadMs, modules, functions: core.functions.size }));
