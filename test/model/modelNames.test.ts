import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { coversModel, intersectModels } from '../../shared/model/modelNames.ts';

/** LiteLLM's own rule: a regular expression, with `*` as any characters. */
function matchesAsLitellm(name: string, model: string): boolean {
  const escaped = name.split('*').map((part) => part.replaceAll(/[.\\+?^${}()|[\]]/g, String.raw`\$&`));
  return new RegExp(`^${escaped.join('.*')}$`).test(model);
}

const letters = (alphabet: string): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...alphabet.split('')), maxLength: 6 });
const pattern = letters('ab/*');
const model = letters('ab/');

describe('coversModel', () => {
  it.each([
    ['gpt-4o', 'gpt-4o', true],
    ['gpt-4o', 'gpt-4o-mini', false],
    ['openai/*', 'openai/gpt-4o', true],
    ['openai/*', 'openai/', true],
    ['openai/*', 'azure/gpt-4o', false],
    ['*', 'anything/at-all', true],
    ['bedrock/*.claude-*', 'bedrock/eu.claude-sonnet', true],
    ['a*a', 'a', false],
    ['openai/*', 'openai/gpt-*', true],
    ['openai/gpt-*', 'openai/*', false],
    ['gpt-3.5*', 'gpt-345', false],
  ])('%s covers %s: %s', (name, other, expected) => {
    expect(coversModel(name, other)).toBe(expected);
  });

  it('matches as LiteLLM does', () => {
    fc.assert(
      fc.property(pattern, model, (name, other) => {
        expect(coversModel(name, other)).toBe(matchesAsLitellm(name, other));
      }),
      { numRuns: 2_000 },
    );
  });

  it('covers a pattern only if it covers everything that the pattern covers', () => {
    fc.assert(
      fc.property(pattern, pattern, model, (wide, narrow, other) => {
        fc.pre(coversModel(wide, narrow) && coversModel(narrow, other));
        expect(coversModel(wide, other)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});

describe('intersectModels', () => {
  it.each<[readonly string[], readonly string[], readonly string[] | undefined]>([
    [['a', 'b'], ['b', 'c'], ['b']],
    [['a'], ['b'], []],
    [['a'], [], ['a']],
    [['a'], ['all-proxy-models'], ['a']],
    [[], ['a'], ['a']],
    [['all-proxy-models'], ['a'], ['a']],
    [['all-org-models', 'z'], ['a'], ['a']],
    [[], [], undefined],
    [['all-org-models'], [], undefined],
    [['no-default-models'], ['a'], []],
    [['no-default-models'], [], []],
    [['a'], ['no-default-models'], []],
    [[], ['no-default-models'], []],
    [['openai/gpt-4o'], ['openai/*'], ['openai/gpt-4o']],
    [['openai/*'], ['openai/gpt-4o', 'azure/x'], ['openai/gpt-4o']],
    [['openai/*'], ['openai/gpt-*', 'x'], ['openai/gpt-*']],
    [['*'], ['a', 'b'], ['a', 'b']],
  ])('of %j and %j is %j', (own, bound, expected) => {
    expect(intersectModels(own, bound)).toEqual(expected);
  });

  it('allows exactly what both allow, as far as names go', () => {
    const names = fc.array(fc.constantFrom('a', 'b', 'c', 'x/a', 'x/b', 'x/*', '*'), {
      minLength: 1,
      maxLength: 3,
    });
    const allows = (list: readonly string[], other: string): boolean =>
      list.some((name) => coversModel(name, other));
    fc.assert(
      fc.property(names, names, fc.constantFrom('a', 'b', 'c', 'x/a', 'x/b', 'x/c'), (own, bound, other) => {
        const both = intersectModels(own, bound) ?? [];
        expect(allows(both, other)).toBe(allows(own, other) && allows(bound, other));
      }),
    );
  });
});
