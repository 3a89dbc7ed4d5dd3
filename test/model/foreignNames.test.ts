import { describe, expect, it } from 'vitest';
import type { Organization, Team, User } from '../../shared/model/entities.ts';
import { cleanName, escapeInvisible } from '../../shared/model/foreignNames.ts';
import { standaloneTeam } from '../../shared/litellm/teamLimits.ts';
import { organizationValues, userValues } from '../../shared/model/litellmValues.ts';

describe('cleanName', () => {
  it.each([
    ['blanks at the ends', ' \u00A0Alice\t\n', 'Alice'],
    ['a NUL', 'Ali\u0000ce', 'Alice'],
    ['an escape sequence', '\u001B[31mred', '[31mred'],
    ['a C1 control', 'a\u009Bb\u0085', 'ab'],
    ['a direction override', '\u202Egpj.exe\u202C', 'gpj.exe'],
    ['an isolate', '\u2066a\u2067b\u2068c\u2069', 'abc'],
    ['blanks that were behind a control', '\u0000 Alice \u202C', 'Alice'],
    ['half of a surrogate pair', 'a\uD83D', 'a\uFFFD'],
  ])('removes %s', (_case, name, cleaned) => {
    expect(cleanName(name)).toBe(cleaned);
    expect(cleanName(cleaned)).toBe(cleaned);
  });

  it.each(['می\u200Cخواهم', '👩\u200D💻', 'Ann  Lee', 'O’Neil', 'שלום \u200Fעולם', '🏴\u{E0067}\u{E007F}'])(
    'keeps %s',
    (name) => {
      expect(cleanName(name)).toBe(name);
    },
  );

  it.each(['', ' ', '\u202E\u0000', '\u2066 \u2069'])('leaves nothing of %j', (name) => {
    expect(cleanName(name)).toBeUndefined();
  });
});

describe('escapeInvisible', () => {
  it.each([
    ['\u001B[2Jgone', '\\u001b[2Jgone'],
    ['a\u0085b\u009Bc', 'a\\u0085b\\u009bc'],
    ['\u202Eevil\u2069', '\\u202eevil\\u2069'],
    ['a\u2028b\u200Bc\uFEFF', 'a\\u2028b\\u200bc\\ufeff'],
    ['x\u{E0041}', 'x\\udb40\\udc41'],
    ['half \uD83D', 'half \\ud83d'],
    ['👩\u200D💻 Ünï', '👩\u200D💻 Ünï'],
  ])('writes %j as %s', (text, escaped) => {
    expect(escapeInvisible(text)).toBe(escaped);
  });

  it('keeps the value of JSON', () => {
    const value = { name: 'a"\u0000\u202E\u{E0041}\\u202e' };
    expect(JSON.parse(escapeInvisible(JSON.stringify(value)))).toEqual(value);
  });
});

describe('the values for LiteLLM', () => {
  const at = '2026-01-01T00:00:00.000Z';
  const shared = { models: [], spend: 0, metadata: {}, created_at: at, updated_at: at };
  const organization: Organization = { organization_id: 'g1', organization_alias: 'A\u0000', ...shared };
  const team: Team = { team_id: 'g1', team_alias: '\u202E', team_member_permissions: [], ...shared };
  const user: User = {
    user_id: 'u1',
    tenant_id: 't',
    sso_user_id: 'u1',
    user_email: 'a@company.com ',
    display_name: '\u009B',
    user_role: 'internal_user',
    models: [],
    active: true,
    created_at: at,
    updated_at: at,
  };

  it('have clean names, and the id where nothing remains', () => {
    expect(organizationValues(organization)).toMatchObject({ organization_alias: 'A' });
    expect(standaloneTeam(team).values).toMatchObject({ team_alias: 'g1' });
    expect(userValues(user)).toMatchObject({ user_alias: 'u1', user_email: 'a@company.com' });
    expect(userValues({ ...user, user_email: '\u0000' })).not.toHaveProperty('user_email');
  });
});
