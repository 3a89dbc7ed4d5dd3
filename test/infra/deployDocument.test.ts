/** What `docs/deploy.md`, and of its neighbours what they say of deploying, against the template, the code and arithmetic. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const repositoryDir = resolve(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(resolve(repositoryDir, file), 'utf8');
const document = read('docs/deploy.md');
const template = read('infra/main.bicep');
const namesIn = (text: string, pattern: RegExp): readonly string[] =>
  [...text.matchAll(pattern)].map((found) => found[1] ?? '');

/** Every choice with its default, as the azd environment names it. */
const choices: ReadonlyMap<string, string> = new Map(
  [...read('infra/main.bicepparam').matchAll(/readEnvironmentVariable\('(\w+)'(?:, '([^']*)')?/g)].map(
    ([, name = '', value]) => [name, value ?? 'asked'],
  ),
);
const pages: ReadonlyMap<string, string> = new Map(
  ['deploy', 'litellm', 'operations', 'security'].map((name) => [name, read(`docs/${name}.md`)]),
);

/** What stands together: a code block, a row, an item of a list, else a paragraph. */
function blocksOf(markdown: string): readonly string[] {
  return markdown
    .split(/^ *```/m)
    .flatMap((part, at) => (at % 2 === 1 ? [part] : part.split(/\n\s*\n|\n(?=\||- |\d+\. )/)));
}

describe('docs/deploy.md', () => {
  it('lists every choice by its name in the azd environment', () => {
    expect(choices.size).toBeGreaterThan(30);
    expect([...choices.keys()].filter((choice) => !new RegExp(`\\b${choice}\\b`).test(document))).toEqual([]);
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

  it('says of no sampler that it can be chosen', () => {
    expect([...choices.keys()].filter((choice) => choice.startsWith('OTEL_'))).toEqual([]);
    expect(read('infra/app/functionApp.bicep')).toContain("OTEL_TRACES_SAMPLER_ARG: '1.0'");
    const named = blocksOf(document).filter((block) => block.includes('OTEL_TRACES_SAMPLER_ARG'));
    expect(named.map((block) => block.includes('cannot be sampled'))).toEqual([true]);
  });

  it('removes a network by the names that the template gives', () => {
    const network = read('infra/app/network.bicep');
    const removed = namesIn(document, /^ *az network .* delete .*--name (\S+)$/gm);
    expect(removed).toHaveLength(6);
    expect(network).toContain("var storageServices = ['blob', 'queue', 'table']");
    expect(document).toContain('for service in blob queue table; do');
    expect(document).toContain('NETWORK#vnet-}');
    const names = namesIn(network, /^ +name: '([a-z]+-\$\{[^']+)'$/gm);
    const asWritten = names.map((name) =>
      name.replace('${service}', '$service').replace('${token}', '$TOKEN'),
    );
    const known = new Set([...asWritten, '$NETWORK', 'privatelink.$service.core.windows.net']);
    expect(asWritten).toContain('vnet-$TOKEN');
    expect(removed.filter((name) => !known.has(name))).toEqual([]);
    expect(asWritten.filter((name) => name !== 'vnet-$TOKEN' && !removed.includes(name))).toEqual([]);
  });

  it('says of a lint rule that it is widened as long as one is', () => {
    const widened = namesIn(
      read('infra/bicepconfig.json'),
      /"([\w-]+)": \{ "level": "error", "maxAgeInDays"/g,
    );
    expect(namesIn(document, /\(one is\s+widened, `([\w-]+)`/g)).toEqual(widened);
  });
});

// ---------------------------------------------------------------------------------------------------------------

/** What restores something that was deleted or changed by hand: by a text in it. */
const RESTORING: readonly (readonly [page: string, text: string])[] = [
  ['deploy', '| The identity itself |'],
  ['operations', '| `storage_refused` | 500 |'],
  ['operations', '| `storage.status` is `failing`'],
  ['operations', '| a table or queue as a whole |'],
  ['litellm', 'Before you connect another one'],
];

/** Where `azd provision` alone is right: a choice changed, the first time, or after a deployment that failed. */
const PLAIN =
  /azd env set|the (?:first|next) `azd provision`|PUBLIC_URL=|Run `azd provision` again; it goes on/;

describe('azd provision', () => {
  it.each(RESTORING)('restores what was deleted with --no-state: %s, %s', (page, text) => {
    const blocks = blocksOf(pages.get(page) ?? '').filter((block) => block.includes(text));
    expect(blocks.length).toBe(1);
    expect(blocks.filter((block) => !block.includes('`azd provision --no-state`'))).toEqual([]);
  });

  it.each([...pages])(
    'stands without it only where azd has something new to deploy: %s.md',
    (_name, text) => {
      const plain = blocksOf(text).filter((block) => /azd provision(?! --(?:no-state|preview))/.test(block));
      const right = (block: string): boolean =>
        PLAIN.test(block) || block.includes('azd provision --no-state');
      expect(plain.filter((block) => !right(block))).toEqual([]);
    },
  );

  it('is told an empty choice only where that is the default', () => {
    const all = [...pages.values()].join('\n');
    const emptied = namesIn(all, /azd env set ([A-Z]\w+) ''/g).filter((name) => name !== 'NAME');
    expect(emptied.length).toBeGreaterThan(2);
    expect(emptied.filter((name) => choices.get(name) !== '')).toEqual([]);
    const refused = /which the compiler refuses \(([^)]+) and so on\)/.exec(document)?.[1] ?? '';
    const named = namesIn(refused, /`(\w+)`/g);
    expect(named.length).toBeGreaterThan(3);
    expect(named.filter((name) => (choices.get(name) ?? '') === '')).toEqual([]);
  });

  it('fails in another region, because the name of the group does not have it in it', () => {
    expect(template).toContain("'rg-${environmentName}'");
    for (const page of ['deploy', 'security']) {
      const said = blocksOf(pages.get(page) ?? '').filter((block) => block.includes('another installation'));
      expect(said.length).toBeGreaterThan(0);
      expect(said.filter((block) => !block.includes('`InvalidResourceGroupLocation`'))).toEqual([]);
    }
    expect(document).toContain('| `InvalidResourceGroupLocation` |');
  });
});

// ---------------------------------------------------------------------------------------------------------------

const numberOf = (text: string | undefined): number => Number((text ?? '').replaceAll(',', ''));
const cellsOf = (row: string): readonly string[] =>
  row
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
const rowsOf = (text: string): readonly (readonly string[])[] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map(cellsOf);

const costRows = rowsOf(/^## What it costs$[\s\S]*?(?=^## )/m.exec(document)?.[0] ?? '');
const priced = costRows.filter(([, price = '']) => price.startsWith('$'));
const people = (costRows[0] ?? []).slice(2).map((cell) => numberOf(/^([\d,]+) people$/.exec(cell)?.[1]));
const rowNamed = (start: string): readonly string[] =>
  costRows.find(([name]) => name?.startsWith(start)) ?? [];

/** `$0.40 a million, 250,000 free`. */
function parsePrice(text: string | undefined): { readonly each: number; readonly free: number } {
  const [, dollars, unit, free] =
    /^\$([\d.]+)( a million| per 10,000| a GB| each)?(?:, ([\d,]+)(?: GB)? free)?$/.exec(text ?? '') ?? [];
  const units: Readonly<Record<string, number>> = { ' a million': 1e6, ' per 10,000': 1e4 };
  return {
    each: numberOf(dollars) / (units[unit ?? ''] ?? 1),
    free: free === undefined ? 0 : numberOf(free),
  };
}

interface Cost {
  readonly quantity: number;
  readonly dollars: number;
}

/** `5.5 million → $0.22`. */
function parseCost(cell: string): Cost {
  const [, quantity, million, dollars] = /^([\d.,]+)( million)?(?: GB)? → \$([\d.]+)$/.exec(cell) ?? [];
  return {
    quantity: numberOf(quantity) * (million === undefined ? 1 : 1e6),
    dollars: dollars === undefined ? Number.NaN : numberOf(dollars),
  };
}

const costsOf = (row: readonly string[]): readonly Cost[] => row.slice(2).map(parseCost);
const quantitiesOf = (start: string): readonly number[] =>
  costsOf(rowNamed(start)).map(({ quantity }) => quantity);
/** The numbers in the name of a row: `Executions (10 each + 4,350)`. */
const factorsOf = (start: string): readonly number[] =>
  namesIn(rowNamed(start)[0] ?? '', /([\d.,]*\d)/g).map(numberOf);

/** Compares what is printed, as exactly as it is printed. */
function expectQuantities(start: string, step: number, quantityOf: (at: number) => number): void {
  const printed = quantitiesOf(start);
  expect(printed).toHaveLength(3);
  const exact = printed.map((_, at) => quantityOf(at));
  expect(printed.map((quantity, at) => Math.abs(quantity - (exact[at] ?? 0)) <= step / 2 + 1e-6)).toEqual([
    true,
    true,
    true,
  ]);
}

describe('the costs', () => {
  it('are quantity times price, row by row', () => {
    expect(priced.map(([name = '']) => name.split(' (')[0])).toEqual([
      'Executions',
      'GB-s',
      'Storage operations',
      'Data',
      'Logs and traces',
      'Five alert rules, every 5 minutes',
    ]);
    for (const row of priced) {
      const { each, free } = parsePrice(row[1]);
      for (const { quantity, dollars } of costsOf(row)) {
        expect(dollars, row.join(' | ')).toBeCloseTo(Math.max(0, quantity - free) * each, 2);
      }
    }
  });

  it('add up', () => {
    const totals = rowNamed('**A month**').slice(2);
    expect(totals).toHaveLength(3);
    for (const [column, total] of totals.entries()) {
      const added = priced.reduce((so, row) => so + (costsOf(row)[column]?.dollars ?? Number.NaN), 0);
      expect(numberOf(/\$([\d.,]+)/.exec(total)?.[1])).toBeCloseTo(added, 2);
    }
    const rounded = totals.map((total) => `$${Math.round(numberOf(/\$([\d.,]+)/.exec(total)?.[1]))}`);
    expect(document).toContain(
      `**about ${rounded[0]} a month for 100 people, ${rounded[1]} for 1,000, ${rounded[2]} for 50,000**`,
    );
  });

  it('have the quantities that the names of their rows say', () => {
    const signIns = (at: number): number => (people[at] ?? 0) * 22;
    expect(rowNamed('Sign-ins').slice(2).map(numberOf)).toEqual([0, 1, 2].map(signIns));
    const [each = 0, timers = 0] = factorsOf('Executions');
    const executions = (at: number): number => signIns(at) * each + timers;
    expectQuantities('Executions', 0, executions);
    const [gigabyteSeconds = 0] = factorsOf('GB-s');
    expectQuantities('GB-s', 0, (at) => executions(at) * gigabyteSeconds);
    const [operations = 0, polling = 0] = factorsOf('Storage operations');
    expectQuantities('Storage operations', 1e5, (at) => signIns(at) * operations + polling * 1e6);
    const [kilobytes = 0, rows = 0] = factorsOf('Data');
    expectQuantities('Data', 0.1, (at) => ((people[at] ?? 0) * kilobytes * rows) / 1e6);
    const [logged = 0] = factorsOf('Logs');
    expectQuantities('Logs', 0.1, (at) => (executions(at) * logged) / 1e6);
  });

  it('count the timers, the polling and the alerts that there are', () => {
    const schedules = ['assignedGroups', 'repairMemberIndexes'].map(
      (name) => /schedule: '([^']+)'/.exec(read(`functions/${name}.ts`))?.[1],
    );
    expect(schedules).toEqual(['0 */10 * * * *', '0 30 3 * * *']);
    expect(factorsOf('Executions')[1]).toBe(30 * 24 * 6 + 30);
    expect(read('host.json')).toContain('"maxPollingInterval": "00:00:01"');
    expect(factorsOf('Storage operations')[1]).toBeCloseTo((2 * 730 * 3600) / 1e6, 1);
    const rules = namesIn(read('infra/app/alerts.bicep'), /^ {4}name: '(\w+)'\n {4}displayName/gm);
    expect(quantitiesOf('Five alert rules')).toEqual(people.map(() => rules.length));
  });

  it('ask storage as often as was measured, for a first sign-in and for an unchanged one', () => {
    const measured = (name: string): number => {
      const row = rowsOf(read('docs/performance.md')).find(([first]) => first === name) ?? [];
      return numberOf(/^\*\*([\d.]+)\*\*$/.exec(row.at(-1) ?? '')?.[1]);
    };
    const reads = numberOf(/and (\d+) reads of pages/.exec(document)?.[1]);
    const queue = measured('Monday: queue');
    const first =
      measured('Monday: provisioning') + queue + (reads * measured('Monday: page, ask, page')) / 3;
    const unchanged = 2 + queue + (reads * measured('Reorganised: page, ask, page')) / 3;
    const [each = 0] = factorsOf('Executions');
    // Start, callback, provisioning.
    expect(reads).toBe(each - 3);
    const [assumed = 0] = factorsOf('Storage operations');
    expect(assumed).toBeGreaterThanOrEqual(Math.max(first, unchanged));
    expect(assumed).toBeLessThan(1.15 * Math.max(first, unchanged));
  });

  it('multiply and add what comes on top', () => {
    const products = [...document.matchAll(/((?:[\d,]+(?: \w+)? × )+)\$([\d.]+) = \$([\d.]+)/g)];
    const seen = products.map(([, factors = '', price, product]) => {
      const quantity = namesIn(factors, /([\d,]+)/g).reduce((so, factor) => so * numberOf(factor), 1);
      expect(numberOf(product)).toBeCloseTo(quantity * numberOf(price), 2);
      return numberOf(product);
    });
    expect(seen).toHaveLength(5);
    const network = seen.slice(1).reduce((so, product) => so + product, 0);
    const named = [...document.matchAll(/\$([\d.]+) a\s+month/g)].map(([, dollars]) => numberOf(dollars));
    expect(named.filter((dollars) => Math.abs(dollars - network) < 0.005)).toHaveLength(2);
  });
});
