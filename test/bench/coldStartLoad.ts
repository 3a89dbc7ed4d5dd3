/**
 * `node test/bench/coldStartLoad.ts FOLDER`: loads an app as the worker does, in a separate process. Prints one line of JSON with
 * the milliseconds. Throws if the app registers no function.
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
if (core.functions.size === 0) throw new Error(`${folder} registered no function.`);
console.log(JSON.stringify({ loadMs }));
