import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ChoiceReader, Choices } from '../../dev/infra/choices.ts';
import {
  choiceAssertions,
  readChoicesSource,
  startChoiceReader,
  variableOf,
} from '../../dev/infra/choices.ts';
import { infraDir } from '../../dev/infra/infraCopy.ts';
import { findTheCompiler } from './theCompiler.ts';

const cli = await findTheCompiler();

/** A compiler takes seconds to start, on a busy machine many of them. */
const TIMEOUT_MS = 180_000;

describe('the name of a parameter in the azd environment', () => {
  it.each([
    ['publicUrl', 'PUBLIC_URL'],
    ['instanceMemoryMB', 'INSTANCE_MEMORY_MB'],
    ['httpPerInstanceConcurrency', 'HTTP_PER_INSTANCE_CONCURRENCY'],
    ['environmentName', 'AZURE_ENV_NAME'],
    ['location', 'AZURE_LOCATION'],
  ])('of %s is %s', (parameter, variable) => {
    expect(variableOf(parameter)).toBe(variable);
  });
});

describe.skipIf(cli === undefined)('the choices of the azd environment', () => {
  let reader: ChoiceReader | undefined;
  let choices: Choices | undefined;
  beforeAll(async () => {
    reader = await startChoiceReader(cli?.path ?? '');
    choices = await reader.read(readChoicesSource());
  }, TIMEOUT_MS);
  afterAll(async () => reader?.stop());

  it('are tried with a value of their own for every parameter, other than the default', () => {
    const template = readFileSync(join(infraDir, 'main.bicep'), 'utf8');
    const parameters = [...template.matchAll(/^param (\w+)/gm)].map((found) => found[1] ?? '');
    expect(parameters.length).toBeGreaterThan(35);
    expect(Object.keys(choices?.wanted ?? {}).sort()).toEqual(parameters.sort());
    const untried = parameters.filter((each) => choices?.wanted[each] === choices?.defaults[each]);
    expect(untried).toEqual([]);
  });

  it.each(choiceAssertions)('$name', ({ check }) => {
    expect(choices).toBeDefined();
    if (choices !== undefined) check(choices);
  });
});
