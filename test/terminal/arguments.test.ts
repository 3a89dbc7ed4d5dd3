import { describe, expect, it } from 'vitest';
import { parseArguments } from '../../terminal/arguments.ts';

const rules = { texts: ['account', 'state-dir'], flags: ['all'], positionals: 1 } as const;

describe('parseArguments', () => {
  it('returns options, flags and other arguments', () => {
    expect(parseArguments(['--account', 'a', '--state-dir=b=c', '--all', 'id'], rules)).toEqual({
      texts: { account: 'a', 'state-dir': 'b=c' },
      flags: new Set(['all']),
      positionals: ['id'],
      settings: {},
    });
  });

  it('returns app settings, also empty ones', () => {
    const settingOf = (name: string): string | undefined => (/^[A-Z_]+$/.test(name) ? name : undefined);
    expect(parseArguments(['--PUBLIC_URL=http://x?a=b', '--B='], { settingOf }).settings).toEqual({
      PUBLIC_URL: 'http://x?a=b',
      B: '',
    });
  });

  it.each([
    [['--accounts', 'a', 'b', 'c'], 'Unknown: --accounts b c.'],
    [['-a', '--all=yes', '--toString'], 'Unknown: -a --all=yes --toString.'],
    [['--__proto__=x', 'id', '--', '--all'], 'Unknown: --__proto__=x --all.'],
    [['--account', '--all'], '--account needs a value.'],
    [['--state-dir='], '--state-dir needs a value.'],
    [['--account'], '--account needs a value.'],
  ])('refuses %j', (args, message) => {
    expect(() => parseArguments(args, rules)).toThrow(message);
  });
});
