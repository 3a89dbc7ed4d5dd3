import { describe, expect, test } from 'vitest';
import { createRouteTable } from '../../../dev/host/routeTable.ts';

const entryOf = (route: string): Parameters<typeof createRouteTable>[0][number] => ({
  functionName: route,
  route,
  methods: ['GET'],
});

describe('a route template', () => {
  test.each([
    { template: '/', path: '/', expected: {} },
    { template: '/', path: '/x', expected: undefined },
    { template: 'a/{id}', path: '/A/b%20c', expected: { id: 'b c' } },
    { template: 'a/{id}', path: '/a/b%2Fc', expected: { id: 'b%2Fc' } },
    { template: 'a/{id}', path: '/a/%zz', expected: { id: '%zz' } },
    { template: 'a/{id}', path: '/a', expected: undefined },
    { template: 'a/{id}', path: '/a/b/c', expected: undefined },
    { template: 'a/{id?}', path: '/a/', expected: {} },
    { template: 'a/{*rest}', path: '/a/b/c', expected: { rest: 'b/c' } },
    { template: 'a/{*rest}', path: '/a', expected: {} },
    { template: 'a/{id:int}', path: '/a/12', expected: { id: '12' } },
    { template: 'a/{id:int}', path: '/a/1x', expected: undefined },
    { template: 'a', path: '//a', expected: undefined },
    { template: 'a', path: '/a/', expected: {} },
    { template: 'a', path: '/a//', expected: undefined },
    { template: '/', path: '//', expected: undefined },
    { template: 'a/b', path: '/a//b', expected: undefined },
    { template: '{*all}', path: '//', expected: undefined },
  ])('$template reads $expected from $path', ({ template, path, expected }) => {
    expect(createRouteTable([entryOf(template)], '').find('GET', path)?.parameters).toEqual(expected);
  });

  test.each(['a/{b}-{c}', 'a/{b=7}', 'a/{b:unheardOf}'])('is refused where it is %s', (template) => {
    expect(() => createRouteTable([entryOf(template)], '')).toThrow('supported');
  });
});

test('of two routes that match, the function whose name comes first wins, as in Azure', () => {
  const entries = [
    { functionName: 'Unknown', route: '{*all}' },
    { functionName: 'item', route: 'a/{x}' },
    { functionName: 'latest', route: 'a/latest' },
    { functionName: 'home', route: '/' },
  ].map((entry) => ({ ...entry, methods: ['GET'] }));
  const table = createRouteTable(entries, 'api');
  const found = ['/api/a/latest', '/api/a/1', '/api', '/api/z/z', '/a/1'].map(
    (path) => table.find('get', path)?.functionName,
  );
  expect(found).toEqual(['item', 'item', 'home', 'Unknown', undefined]);
});
