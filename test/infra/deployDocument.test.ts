/** Compares the lists in `docs/deploy.md` with the template. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const read = (file: string): string => readFileSync(resolve(import.meta.dirname, '../..', file), 'utf8');
const document = read('docs/deploy.md');
const namesIn = (text: string, pattern: RegExp): readonly string[] =>
  [...text.matchAll(pattern)].map((found) => found[1] ?? '');

describe('docs/deploy.md', () => {
  it('lists every choice by its name in the azd environment', () => {
    const choices = namesIn(read('infra/main.bicepparam'), /readEnvironmentVariable\('(\w+)'/g);
    expect(choices.length).toBeGreaterThan(30);
    expect(choices.filter((choice) => !new RegExp(`\\b${choice}\\b`).test(document))).toEqual([]);
  });

  it('names no output that the template does not have', () => {
    const outputs = new Set(namesIn(read('infra/main.bicep'), /^output (\w+)/gm));
    const named = namesIn(document, /\b(DEPLOYED_\w+)/g);
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((name) => !outputs.has(name))).toEqual([]);
  });

  it('lists the roles of the template for the assignment by hand', () => {
    expect(namesIn(document, /^assign '([^']+)'/gm)).toEqual([
      'Storage Blob Data Owner',
      'Storage Queue Data Contributor',
      'Storage Table Data Contributor',
      'Monitoring Metrics Publisher',
    ]);
  });

  it('deletes a network by the names that the template uses', () => {
    const given = namesIn(read('infra/app/network.bicep'), /^ +name: '([a-z]+-\$\{[^']+)'$/gm);
    const asWritten = given.map((name) =>
      name.replace('${service}', '$service').replace('${token}', '$TOKEN'),
    );
    expect(asWritten.sort()).toEqual(['ng-$TOKEN', 'pe-$service-$TOKEN', 'pip-$TOKEN', 'vnet-$TOKEN']);
    // The page reads $TOKEN from the name of the network.
    const removed = namesIn(document, /^ *az network .* delete .*--name (\S+)$/gm);
    expect(asWritten.slice(0, 3).filter((name) => !removed.includes(name))).toEqual([]);
  });
});
