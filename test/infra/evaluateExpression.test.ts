import { describe, expect, it } from 'vitest';
import { evaluateDeep } from '../../dev/infra/evaluateExpression.ts';
import type { Json } from '../../dev/infra/evaluateExpression.ts';

function evaluated(value: Json): Json {
  return evaluateDeep(value, (name) =>
    name === 'reference' ? { outputs: { Id: { value: 'x1' } } } : undefined,
  );
}

describe("Azure's expressions", () => {
  it.each([
    ['a text is itself', 'plain', 'plain'],
    ['a doubled bracket is a bracket', '[[no expression]', '[no expression]'],
    ['quotes are doubled', "[format('it''s {0}', 5)]", "it's 5"],
    ['members are found in any case', "[reference('y').outputs.id.value]", 'x1'],
    [
      'what is missing is nothing',
      "[coalesce(tryGet(reference('y'), 'outputs', 'no', 'value'), 'else')]",
      'else',
    ],
    ['only the branch that holds is computed', "[if(equals('a', 'a'), 'yes', unknown())]", 'yes'],
  ])('%s', (_what, expression, expected) => {
    expect(evaluated(expression)).toBe(expected);
  });

  it('are computed wherever they stand, in keys too', () => {
    const value = { "[format('k{0}', 1)]": ["[reference('y').outputs.id.value]", 2, null, true] };
    expect(evaluated(value)).toEqual({ k1: ['x1', 2, null, true] });
  });

  it('apply lambdas to lists', () => {
    const list = "filter(split('a,b', ','), lambda('x', not(equals(lambdaVariables('x'), 'a'))))";
    expect(evaluated(`[map(${list}, lambda('y', createObject('id', lambdaVariables('y'))))]`)).toEqual([
      { id: 'b' },
    ]);
  });

  it.each([
    ["[reference('y').outputs.other]", 'There is no "other"'],
    ["[format('a'", 'is missing'],
    ["[format('a') b()]", 'something follows'],
    ['[nothing()]', 'The function nothing is not known'],
  ])('that cannot be computed are an error: %s', (expression, message) => {
    expect(() => evaluated(`${expression.replace(/\]$/, '')}]`)).toThrow(message);
  });
});
