import { describe, expect, it } from 'vitest';
import { namesOf, parseQuery, selectRows } from '../../dev/infra/kql.ts';

const rows = [
  { Message: '{"event":"a","code":"x","retryable":true}', Level: 1 },
  { Message: '{"event":"a"}', Level: 2 },
  { Message: '{"event":"b","code":"y"}', Level: 3 },
  { Message: 'words', Level: 4 },
];

function levels(query: string): readonly unknown[] {
  return selectRows(parseQuery(query), rows).map((row) => row['Level']);
}

const fields =
  'AppTraces | extend f = parse_json(Message) | extend event = tostring(f.event), code = tostring(f.code)';

describe('the part of the query language that alerts use', () => {
  it.each([
    ['equality', '| where event == "a"', [1, 2]],
    ['inequality, also with what is absent', '| where event != "a"', [3, 4]],
    ['an absent member as the empty text', '| where isempty(code)', [2, 4]],
    ['a boolean as text', '| where tostring(f.retryable) == "true"', [1]],
    ['lists', '| where event in ("a", "b")', [1, 2, 3]],
    ['lists that exclude', '| where event !in ("a", "c")', [3, 4]],
    ['and before or', '| where event == "b" or event == "a" and isnotempty(code)', [1, 3]],
    ['brackets', '| where (event == "b" or event == "a") and isempty(code)', [2]],
    ['one condition after another', '| where event == "a"\n| where isnotempty(code)', [1]],
    ['ends in any case', '| where Message endswith "DS"', [4]],
    ['beginnings in any case', '| where Message startswith "WO"', [4]],
  ])('has %s', (_what, end, expected) => {
    expect(levels(`${fields}\n${end}`)).toEqual(expected);
  });

  it.each([
    ['AppTraces | summarize count()', 'The operator summarize is not known'],
    ['AppTraces | where Message has "a"', '"|" is expected'],
    ['AppTraces | where (Message == "a"', 'ends too early'],
    ['AppTraces | where Message == 5', 'cannot be read'],
    ['AppTraces | where strlen(Message) == "5"', 'The function strlen is not known'],
  ])('refuses what it does not know: %s', (query, message) => {
    expect(() => selectRows(parseQuery(query), rows)).toThrow(message);
  });

  it('refuses a column that is not there', () => {
    expect(() => levels('AppTraces | where Massage == "a"')).toThrow('no column Massage');
  });

  it('names what a query takes from others', () => {
    const names = namesOf(parseQuery(`${fields} | where event in ("a") and tostring(f.other) == "z"`));
    expect(names.table).toBe('AppTraces');
    expect([...names.columns]).toEqual(['Message']);
    expect([...names.fields]).toEqual(['event', 'code', 'other']);
    expect([...(names.comparedWith.get('event') ?? [])]).toEqual(['a']);
  });
});
