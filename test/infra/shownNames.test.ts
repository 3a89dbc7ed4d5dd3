import { describe, expect, it } from 'vitest';
import { readShownNames, splitQuery } from '../../dev/infra/shownNames.ts';

describe('what a query shows', () => {
  it('begins at the first step that is neither a condition nor a column', () => {
    const text = 'AppTraces\n| where A == "b"\n| extend C = A\n| summarize count() by C\n| where D == "e"\n';
    expect(splitQuery(text)).toEqual({
      selecting: 'AppTraces\n| where A == "b"\n| extend C = A',
      showing: 'summarize count() by C\n| where D == "e"',
    });
    expect(splitQuery('AppTraces')).toEqual({ selecting: 'AppTraces', showing: '' });
  });

  it('names columns, members and parameters, and not what it computes itself', () => {
    const names = readShownNames(
      'summarize n = count(), x = sum(tolong(fields.granted)) by o = iff(isempty(code), "text of 3", code), bin(Time, {range:grain})\n| order by n desc',
    );
    expect([...names.columns]).toEqual(['fields', 'code', 'Time']);
    expect([...names.fields]).toEqual(['granted']);
    expect([...names.parameters]).toEqual(['range']);
  });

  it.each([
    ['summarize strange(A)', 'The function strange is not known'],
    ['project A + B', 'cannot be read at:  + B'],
  ])('is refused where it is not known: %s', (showing, message) => {
    expect(() => readShownNames(showing)).toThrow(message);
  });
});
