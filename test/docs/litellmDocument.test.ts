/** Compares the lists in `docs/litellm.md` with the code. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { TABLES } from '../../shared/storage/tables/tableNames.ts';
import { teamInside } from '../../shared/litellm/teamLimits.ts';
import { organizationValues, userValues } from '../../shared/model/litellmValues.ts';
import { SYNC_POISON_QUEUE, SYNC_QUEUE } from '../../shared/queue/queueMessage.ts';
import { errorTexts } from '../../shared/web/pages/errorTexts.ts';

const read = (file: string): string => readFileSync(resolve(import.meta.dirname, '../..', file), 'utf8');
const page = read('docs/litellm.md');

const namesIn = (text: string, pattern: RegExp): readonly string[] =>
  [...text.matchAll(pattern)].map((found) => found[1] ?? '');

/** Returns the fields that the page lists for the creation of this kind of entity. */
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
  team_member_permissions: ['/key/list'],
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
    ['Team', 'team_id', teamInside(team, organization).values],
    ['User', 'user_id', userValues(user)],
  ])('lists exactly the fields that are written: %s', (kind, id, values) => {
    expect([...fieldsOf(kind)].sort()).toEqual([id, ...Object.keys(values)].sort());
  });

  it('names only error codes that exist', () => {
    const named = namesIn(page, /`(litellm_[a-z_]+)`/g);
    expect(named.length).toBeGreaterThan(3);
    expect(named.filter((code) => !(code in errorTexts))).toEqual([]);
  });

  it('names exactly the codes that the code reports', () => {
    const reported = namesIn(page, /reported as\s+`(\w+)`/g);
    expect(new Set(reported)).toEqual(
      new Set([
        'differs',
        'cannot_be_cleared',
        'created_in_litellm',
        'not_moved',
        'capped_to_organization',
        'no_models_left',
        'organization_frozen',
        'role_needs_licence',
        'refused',
        'not_deactivated',
      ]),
    );
    const source = read('shared/model/synced.ts');
    expect(reported.filter((code) => !source.includes(`'${code}'`))).toEqual([]);
  });

  it('names only choices and outputs of the template, and the tables and queues of the sync', () => {
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
});
