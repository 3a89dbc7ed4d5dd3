import { makeChoiceMutants, runChoiceMutants } from './choiceMutants.ts';
import { readChoicesSource } from './choices.ts';
import { findBicep } from './findBicep.ts';
const { cli } = await findBicep();
const mutants = makeChoiceMutants(readChoicesSource());
const t = performance.now();
const results = await runChoiceMutants(cli?.path ?? '', mutants);
const by: Record<string, number> = {};
for (const r of results) {
  const k = r.caughtBy?.assertion ?? 'SURVIVED ' + r.mutant.name;
  by[k] = (by[k] ?? 0) + 1;
}
console.log(mutants.length, by, performance.now() - t);
for (const m of mutants.slice(0, 6)) console.log(m.name);
