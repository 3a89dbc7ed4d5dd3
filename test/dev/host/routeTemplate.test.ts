import { describe, expect, test } from 'vitest';
import { createRouteTable } from '../../../dev/host/routeTable.ts';
import { matchRoute, parseRouteTemplate } from '../../../dev/host/routeTemplate.ts';

describe('a route template', () => {
  test.each([
    { template: '/', path: '/', expected: {} },
    { template: '/', path: '/x', expected: undefined },
    { template: '{x:maxlength(0)?}', path: '/', expected: {} },
    { template: '{x:maxlength(0)?}', path: '/foo', expected: undefined },
    { template: 'a/{id}', path: '/A/b%20c', expected: { id: 'b c' } },
    { template: 'a/{id}', path: '/a/b%2Fc', expected: { id: 'b%2Fc' } },
    { template: 'a/{id}', path: '/a/%zz', expected: { id: '%zz' } },
    { template: 'a/{id}', path: '/a', expected: undefined },
    { template: 'a/{id}', path: '/a/b/c', expected: undefined },
    { template: 'a/{id?}', path: '/a/', expected: {} },
    { template: 'a/{id=7}', path: '/a', expected: { id: '7' } },
    { template: 'a/{*rest}', path: '/a/b/c', expected: { rest: 'b/c' } },
    { template: 'a/{*rest}', path: '/a', expected: {} },
    { template: 'a/{id:int}', path: '/a/12', expected: { id: '12' } },
    { template: 'a/{id:int}', path: '/a/1x', expected: undefined },
    {
      template: 'a/{id:guid}',
      path: '/a/7e0a0700-0000-4000-8000-00000000000a',
      expected: { id: '7e0a0700-0000-4000-8000-00000000000a' },
    },
    { template: 'a/{id:guid}', path: '/a/7e0a', expected: undefined },
    { template: 'a/{id:length(2,3)}', path: '/a/abcd', expected: undefined },
    { template: 'a/{id:alpha:minlength(2)}', path: '/a/ab', expected: { id: 'ab' } },
    { template: 'a/{id:alpha:minlength(2)}', path: '/a/a', expected: undefined },
    { template: 'a/{id:range(1,9)}', path: '/a/10', expected: undefined },
    { template: 'a/{id:regex(^x(1|2)$)}', path: '/a/x2', expected: { id: 'x2' } },
    { template: 'a/{id:regex(^x(1|2)$)}', path: '/a/x3', expected: undefined },
    { template: 'a', path: '//a', expected: undefined },
  ])('$template and $path give $expected', ({ template, path, expected }) => {
    expect(matchRoute(parseRouteTemplate(template), path)).toEqual(expected);
  });

  test.each(['a/{b}-{c}', 'a/{b:unheardOf}'])('refuses %s, which is not supported', (template) => {
    expect(() => parseRouteTemplate(template)).toThrow('supported');
  });
});

test('the most specific route wins, whatever the order of registration', () => {
  const entries = ['{*all}', 'a/{x}', 'a/{x:int}', 'a/b'].map((route) => ({
    functionName: route,
    route,
    methods: ['GET'],
  }));
  const table = createRouteTable(entries, 'api');
  const found = ['/api/a/b', '/api/a/1', '/api/a/c', '/api/z/z', '/a/b'].map(
    (path) => table.find('get', path)?.functionName,
  );
  expect(found).toEqual(['a/b', 'a/{x:int}', 'a/{x}', '{*all}', undefined]);
});
