import { describe, expect, it } from 'vitest';
import { makeChoiceMutants, runChoiceMutants } from '../../dev/infra/choiceMutants.ts';
import { readChoicesSource } from '../../dev/infra/choices.ts';
import { readMutants, runMutants } from '../../dev/infra/runMutants.ts';
import type { MutantResult } from '../../dev/infra/runMutants.ts';
import { findTheCompiler } from './theCompiler.ts';

/** Two compilers on two cores take about a minute; a busy machine several times that. */
const TIMEOUT_MS = 600_000;

const cli = await findTheCompiler();
const templateMutants = readMutants();
const choiceMutants = makeChoiceMutants(readChoicesSource());
const mutants = [...templateMutants, ...choiceMutants];

function lineOf({ mutant, caughtBy }: MutantResult): string {
  const end =
    caughtBy === undefined ? 'SURVIVED' : `caught by "${caughtBy.assertion}" (${caughtBy.deployment})`;
  return `${mutant.name}\n    ${end}`;
}

describe('the faults that are put into the template', () => {
  it.each([
    [
      'the key of a LiteLLM proxy',
      /main\.bicep:\d+ .*(?:LITELLM_API_KEY|hasProxyKey|litellmApiKeySecretUri)/,
      6,
    ],
    ['a role', /app\/roles\.bicep:\d+ \w+: '[0-9a-f-]{36}'/, 3],
    ['a role at another scope', /scope: \w+ → scope: resourceGroup\(\)/, 2],
    ['an app setting that is missing', /→ \(left out\)/, 28],
    [
      'a security property',
      /(?:allow|https|minimumTls|minTls|disable|DisableLocalAuth|supports|publicAccess)\w*: .+ → /,
      13,
    ],
    ['a queue', /var queueNames/, 4],
    ['a table', /app\/storage\.bicep:\d+ '\w+' → /, 13],
    ['a field in Entra', /app\/entra\.bicep:/, 30],
    ['an alert', /app\/alerts\.bicep:/, 90],
    ['the workbook', /app\/workbook\.bicep:/, 90],
    ['a variable of the azd environment', /^main\.bicepparam:\d+ .*readEnvironmentVariable/, 70],
    ['a private endpoint', /var storageServices/, 3],
    ['a default', /^main\.bicep:\d+ param /, 35],
  ])('concern %s', (_what, pattern, least) => {
    expect(mutants.filter((mutant) => pattern.test(mutant.name)).length).toBeGreaterThanOrEqual(least);
  });

  it.skipIf(cli === undefined)(
    'are all noticed by an assertion that says what they mean',
    async () => {
      const startedMs = performance.now();
      const path = cli?.path ?? '';
      const results = [
        ...(await runMutants(path, templateMutants, 2)),
        ...(await runChoiceMutants(path, choiceMutants)),
      ];
      const survivors = results.filter(({ caughtBy }) => caughtBy === undefined);
      const seconds = Math.round((performance.now() - startedMs) / 1000);
      const summary = `${results.length} mutants, ${survivors.length} survived, ${seconds} s`;
      console.log([...results.map(lineOf), summary].join('\n'));
      expect(survivors.map(({ mutant }) => mutant.name)).toEqual([]);
      expect(results.length).toBe(mutants.length);
    },
    TIMEOUT_MS,
  );
});
