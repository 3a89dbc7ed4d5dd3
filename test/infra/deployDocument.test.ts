import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const repositoryDir = resolve(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(resolve(repositoryDir, file), 'utf8');
const document = read('docs/deploy.md');
const template = read('infra/main.bicep');
const namesIn = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map((found) => found[1] ?? '');

/** The dollars at the end of each cell of a row of the cost table. */
function dollarsOf(row: string): readonly number[] {
  const cells = row.split('|').slice(-4, -1);
  return cells.map((cell) => Number(/\$([\d.]+)\**\s*$/.exec(cell.trim())?.[1] ?? '0'));
}

describe('docs/deploy.md', () => {
  it('lists every choice by its name in the azd environment', () => {
    const choices = namesIn(read('infra/main.bicepparam'), /readEnvironmentVariable\('(\w+)'/g);
    expect(choices.length).toBeGreaterThan(30);
    expect(
      choices.filter((choice) => !document.includes(`\`${choice}`) && !document.includes(choice)),
    ).toEqual([]);
  });

  it('names no output that the template does not have', () => {
    const outputs = new Set(namesIn(template, /^output (\w+)/gm));
    const named = namesIn(document, /\b(DEPLOYED_\w+)/g);
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((name) => !outputs.has(name))).toEqual([]);
  });

  it('names the roles that the template assigns', () => {
    const roles = namesIn(document, /^assign '([^']+)'/gm);
    expect(roles).toEqual([
      'Storage Blob Data Owner',
      'Storage Queue Data Contributor',
      'Storage Table Data Contributor',
      'Monitoring Metrics Publisher',
    ]);
  });

  it('adds its costs up', () => {
    const rows = document.split('\n').filter((line) => /^\| .*\$/.test(line));
    const total = rows.find((row) => row.startsWith('| **A month**')) ?? '';
    const parts = rows.filter((row) => row !== total).map((row) => dollarsOf(row));
    expect(parts.length).toBeGreaterThan(4);
    for (const [column, sum] of dollarsOf(total).entries()) {
      const added = parts.reduce((so, part) => so + (part[column] ?? 0), 0);
      expect(added).toBeCloseTo(sum, 2);
    }
  });
});
