import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as z from 'zod/mini';
import { settings } from '../../shared/config/settings.ts';
import type { Setting } from '../../shared/config/settings.ts';

const page = readFileSync(new URL('../../docs/settings.md', import.meta.url), 'utf8');
const list: readonly Setting<unknown>[] = Object.values(settings);

/** Returns the rows of the tables with the column "Required or default", by setting. */
function readListedRows(markdown: string): ReadonlyMap<string, string> {
  const rows = new Map<string, string>();
  let isListing = false;
  for (const line of markdown.split('\n')) {
    if (!line.startsWith('|')) isListing = false;
    else if (line.startsWith('| Setting | Required or default |')) isListing = true;
    else if (isListing && !line.startsWith('|---'))
      rows.set(/^\| `([^`]+)` \|/.exec(line)?.[1] ?? line, line);
  }
  return rows;
}

function rowOf(setting: Setting<unknown>): string {
  const presence = setting.default === undefined ? setting.presence : `\`${setting.default}\``;
  const mark = setting.secret ? ' (secret)' : '';
  const { name, decides, valid, example } = setting;
  return `| \`${name}\` | ${presence}${mark} | ${decides} | ${valid} | \`${example}\` |`;
}

describe('docs/settings.md', () => {
  const rows = readListedRows(page);

  it('lists exactly the settings that the schema reads, in the same order', () => {
    expect([...rows.keys()]).toEqual(list.map((setting) => setting.name));
  });

  it.each(list.map((setting) => [setting.name, setting] as const))(
    'describes %s in the words of the schema',
    (name, setting) => {
      expect(rows.get(name)).toBe(rowOf(setting));
    },
  );

  it('names every key that the JSON settings accept', () => {
    const params = [
      'models',
      'max_budget',
      'budget_duration',
      'tpm_limit',
      'rpm_limit',
      'team_member_permissions',
    ];
    for (const key of params) expect(page).toContain(`\`${key}\``);
  });
});

describe('the schema', () => {
  it.each(list.map((setting) => [setting.name, setting] as const))(
    'describes %s in cells of at most 15 words',
    (_name, { decides, valid }) => {
      const lengths = [decides, valid].map((text) => text.split(' ').length);
      expect(lengths.filter((length) => length > 15)).toEqual([]);
    },
  );

  it('names each setting once', () => {
    expect(new Set(list.map((setting) => setting.name)).size).toBe(list.length);
  });

  it.each(list.map((setting) => [setting.name, setting] as const))(
    'accepts the example and the default of %s',
    (_name, setting) => {
      const texts = [setting.example, setting.default ?? setting.example];
      expect(texts.filter((text) => !z.safeParse(setting.schema, text).success)).toEqual([]);
    },
  );
});
