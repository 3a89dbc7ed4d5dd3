/** What `docs/litellm.md` names, against the code. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { TABLES } from '../../shared/storage/tables/tableNames.ts';
import { organizationValues, teamValues, userValues } from '../../shared/model/litellmValues.ts';
import { FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS, WAITING_LIMIT_MS } from '../../shared/queue/putBack.ts';
import { MAX_DELIVERIES, SYNC_POISON_QUEUE, SYNC_QUEUE } from '../../shared/queue/provisionMessage.ts';
import { errorTexts } from '../../shared/web/pages/errorTexts.ts';

const read = (file: string): string => readFileSync(resolve(import.meta.dirname, '../..', file), 'utf8');
const page = read('docs/litellm.md');

const namesIn = (text: string, pattern: RegExp): readonly string[] =>
  [...text.matchAll(pattern)].map((found) => found[1] ?? '');

/** What the table says of this kind of thing: the fields that it is made with. */
function fieldsOf(kind: string): readonly string[] {
  const row = page.split('\n').find((line) => line.startsWith(`| ${kind} | \``)) ?? '';
  return namesIn(row.split('|')[2] ?? '', /`(\w+)`/g);
}

const limits = { max_budget: 1, budget_duration: '1d', tpm_limit: 1, rpm_limit: 1 };
const times = { created_at: '2026-01-01T00:00:00.000Z', updated_at: '2026-01-01T00:00:00.000Z' };
const organization = {
  organization_id: 'o',
  organization_alias: 'O',
  models: [],
  spend: 0,
  metadata: {},
  ...limits,
  ...times,
};
const team = {
  team_id: 't',
  team_alias: 'T',
  organization_id: 'o',
  models: [],
  team_member_permissions: [],
  spend: 0,
  metadata: {},
  ...limits,
  ...times,
};
const user = {
  user_id: 'u',
  user_email: 'u@company.com',
  display_name: 'U',
  user_role: 'internal_user',
  max_budget: 1,
  budget_duration: '1d',
  models: [],
  sso_user_id: 'u',
  tenant_id: 'x',
  active: true,
  ...times,
} as const;

describe('docs/litellm.md', () => {
  it.each([
    ['Organization', 'organization_id', organizationValues(organization)],
    ['Team', 'team_id', teamValues(team, organization) ?? {}],
    ['User', 'user_id', userValues(user)],
  ])('lists exactly what is written of: %s', (kind, id, values) => {
    expect([...fieldsOf(kind)].sort()).toEqual([id, ...Object.keys(values)].sort());
  });

  it('explains every code of the proxy, and none that there is not', () => {
    const codes = Object.keys(errorTexts);
    const explained = namesIn(page, /^\| `(\w+)` \| /gm);
    expect(explained.filter((code) => !codes.includes(code))).toEqual([]);
    expect(codes.filter((code) => /^(?:litellm|push)_/.test(code) && !explained.includes(code))).toEqual([]);
  });

  it('names what is reported as the code does', () => {
    const reported = namesIn(page, /reported as `(\w+)`/g);
    expect(new Set(reported)).toEqual(
      new Set([
        'differs',
        'cannot_be_cleared',
        'created_in_litellm',
        'not_moved',
        'role_needs_licence',
        'refused',
      ]),
    );
    const source = read('shared/model/synced.ts');
    expect(reported.filter((code) => !source.includes(`'${code}'`))).toEqual([]);
  });

  it('names the choices, outputs, tables and queues that there are', () => {
    const choices = namesIn(read('infra/main.bicepparam'), /readEnvironmentVariable\('(\w+)'/g);
    const named = namesIn(page, /azd env set (\w+)/g);
    expect(named.length).toBeGreaterThan(3);
    expect(named.filter((name) => !choices.includes(name))).toEqual([]);
    const outputs = namesIn(read('infra/main.bicep'), /^output (\w+)/gm);
    expect(namesIn(page, /\b(DEPLOYED_\w+)/g).filter((name) => !outputs.includes(name))).toEqual([]);
    for (const table of [TABLES.syncedPeople, TABLES.syncedEntities, TABLES.failures]) {
      expect(page).toContain(`\`${table}\``);
    }
    for (const queue of [SYNC_QUEUE, SYNC_POISON_QUEUE]) expect(page).toContain(`\`${queue}\``);
  });

  it('gives the times of waiting as the code has them', () => {
    expect([FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS, WAITING_LIMIT_MS]).toEqual([15, 3600, 86_400_000]);
    const words = page.replaceAll(/\s+/g, ' ');
    expect(words).toContain('**Waiting**: 15 seconds, then twice as long each time up to an hour');
    expect(words).toContain('After 24 hours, or five failed attempts');
    expect(MAX_DELIVERIES).toBe(5);
  });
});
