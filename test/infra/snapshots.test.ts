import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { acceptSnapshots, compare, normalize, requireAccepted } from '../../dev/infra/snapshots.ts';

describe('a snapshot', () => {
  it('sorts keys, keeps the order of lists, and leaves out the hashes of the compiler', () => {
    const value = { b: ['2', '1'], a: { _generator: { templateHash: '1' }, d: 1, c: 2 } };
    expect(JSON.stringify(normalize(value))).toBe('{"a":{"c":2,"d":1},"b":["2","1"]}');
  });

  it('keys resources by id, or by type and name', () => {
    const named = { type: 'T', name: '[n]' };
    const resources = [{ id: '/x', type: 'T' }, named, named, { type: 'G' }];
    expect(normalize({ resources })).toEqual({
      resources: { '/x': { id: '/x', type: 'T' }, 'T [n]': named, 'T [n] #2': named, G: { type: 'G' } },
    });
  });

  it('splits JSON inside a text, and texts of several lines', () => {
    expect(normalize(['{"b":"1\\n2","a":0}', "[parameters('x')]"])).toEqual([
      { '(JSON)': { a: 0, b: { '(lines)': ['1', '2'] } } },
      "[parameters('x')]",
    ]);
  });
});

describe('a difference', () => {
  it.each([
    [{ a: 1 }, { a: 2 }, [['$.a', 1, 2]]],
    [
      { a: 1 },
      { 'b-c': 1 },
      [
        ['$.a', 1, undefined],
        ['$["b-c"]', undefined, 1],
      ],
    ],
    [[1, 2, 3], [1, 3], [['$[1]', 2, undefined]]],
    [[1, 3], [1, 2, 3], [['$[1]', undefined, 2]]],
    [
      [1, 2],
      [2, 1],
      [
        ['$[0]', 1, 2],
        ['$[1]', 2, 1],
      ],
    ],
    [{ a: [] }, { a: {} }, [['$.a', [], {}]]],
    [{ a: null }, {}, [['$.a', null, undefined]]],
    [[1, { a: [true] }], [1, { a: [true] }], []],
  ])('between %j and %j is %j', (accepted, now, expected) => {
    const found = compare(accepted, now).map((each) => [each.path, each.accepted, each.now]);
    expect(found).toEqual(expected);
  });
});

describe('the accepted snapshots', () => {
  const snapshots = new Map([
    ['a.json', { x: 1, y: [1] }],
    ['sub/b.json', { z: 'text' }],
  ]);
  let dir = '';
  beforeEach(() => {
    dir = join(mkdtempSync(join(tmpdir(), 'snapshots-')), 'snapshots');
    acceptSnapshots(dir, snapshots, {});
  });
  afterEach(() => rmSync(join(dir, '..'), { recursive: true, force: true }));

  it('match the values that were just written', () => {
    expect(() => requireAccepted(dir, snapshots)).not.toThrow();
    expect(readFileSync(join(dir, 'sub/b.json'), 'utf8')).toBe('{\n "z": "text"\n}\n');
  });

  it('fail with every difference by file and path, and with the command that accepts', () => {
    const now = new Map([
      ['a.json', { x: 2, y: [] }],
      ['sub/b.json', { z: 'other' }],
    ]);
    const expected = [
      'The repository differs from infra/snapshots in 2 of its files:',
      '',
      'infra/snapshots/a.json',
      '  $.x',
      '    accepted: 1',
      '    now:      2',
      '  $.y[0]',
      '    accepted: 1',
      '    now:      (absent)',
      '',
      'infra/snapshots/sub/b.json',
      '  $.z',
      '    accepted: "text"',
      '    now:      "other"',
      '',
      'If you meant all of these changes, run `npm run infra:accept` and commit the snapshots.',
    ];
    expect(() => requireAccepted(dir, now)).toThrow(expected.join('\n'));
  });

  it('fail when a file is missing, or all of them', () => {
    rmSync(join(dir, 'sub/b.json'));
    expect(() => requireAccepted(dir, snapshots)).toThrow('infra/snapshots/sub/b.json\n  is missing');
    rmSync(dir, { recursive: true });
    expect(() => requireAccepted(dir, snapshots)).toThrow('infra/snapshots/a.json\n  is missing');
  });

  it('fail when there is a surplus file, which accepting deletes', () => {
    mkdirSync(join(dir, 'old'));
    writeFileSync(join(dir, 'old/c.json'), '{}');
    expect(() => requireAccepted(dir, snapshots)).toThrow(
      'infra/snapshots/old/c.json\n  is not written by the check',
    );
    acceptSnapshots(dir, snapshots, {});
    expect(() => requireAccepted(dir, snapshots)).not.toThrow();
  });

  it('are never written under CI=true', () => {
    const now = new Map([['a.json', { x: 2 }]]);
    expect(() => acceptSnapshots(dir, now, { CI: 'true' })).toThrow(
      'Snapshots are not accepted under CI=true',
    );
    expect(() => requireAccepted(dir, snapshots)).not.toThrow();
  });
});
