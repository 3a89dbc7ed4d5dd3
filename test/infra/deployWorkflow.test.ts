import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(resolve(root, path), 'utf8');
const workflow = read('.github/workflows/deploy.yml');
const check = read('.github/workflows/check.yml');
const documents = read('docs/security.md') + read('docs/deploy.md');

const namesIn = (text: string, pattern: RegExp): readonly string[] =>
  [...text.matchAll(pattern)].map((found) => found[1] ?? '');

/** What stands below a key, less indented lines excluded; comments are left out. Empty where there is no such key. */
function below(text: string, key: string): string {
  const lines = text.split('\n').filter((line) => !/^\s*#/.test(line));
  const start = lines.findIndex((line) => line.trimStart().startsWith(`${key}:`));
  const indent = lines[start]?.search(/\S/) ?? 0;
  const rest = lines.slice(start + 1);
  const end = rest.findIndex((line) => line.trim() !== '' && line.search(/\S/) <= indent);
  return start < 0 ? '' : rest.slice(0, end < 0 ? rest.length : end).join('\n');
}

const jobs = below(workflow, 'jobs');
const checking = below(jobs, 'check');
const deploying = below(jobs, 'deploy');
const stepsOf = (job: string): readonly string[] =>
  below(job, 'steps')
    .split(/^ {6}- /m)
    .slice(1);

/** What a step runs. */
function scriptOf(step: string): string {
  const block = below(step, 'run');
  const line = /^\s*run: (?![|>])(.*)$/m.exec(step)?.[1] ?? '';
  return block.trim() === '' ? line : block.replaceAll(/^ {10}/gm, '');
}

const scripts = [...stepsOf(checking), ...stepsOf(deploying)]
  .map((step) => scriptOf(step))
  .filter((text) => text !== '');
const choices = below(deploying, 'CHOICES').trim().split(/\s+/);
const variables = namesIn(workflow, /\bvars\.(\w+)/g);

describe('.github/workflows/deploy.yml', () => {
  it('is read as it is meant', () => {
    expect(stepsOf(checking)).toHaveLength(5);
    expect(stepsOf(deploying)).toHaveLength(9);
    expect(scripts).toHaveLength(8);
    expect(choices.length).toBeGreaterThan(30);
  });

  it('starts by hand or by a version tag, and by nothing that a stranger can do', () => {
    const triggers = below(workflow, 'on');
    expect(namesIn(triggers, /^ {2}(\w+):/gm)).toEqual(['workflow_dispatch', 'push']);
    expect(below(triggers, 'push').trim()).toBe("tags:\n      - 'v[0-9]+.[0-9]+.[0-9]+'");
  });

  it('knows no secret', () => {
    expect(workflow).not.toMatch(
      /secrets\b|client-secret|creds:|publish-profile|github\.token|GITHUB_TOKEN/i,
    );
    expect(workflow).not.toMatch(/[0-9a-f]{8}-[0-9a-f]{4}-/);
  });

  it('can sign in to Azure in the deploying job alone', () => {
    expect(workflow).toMatch(/^permissions: \{\}$/m);
    expect(below(checking, 'permissions').trim()).toBe('contents: read');
    expect(below(deploying, 'permissions').trim()).toBe('contents: read\n      id-token: write');
    expect(namesIn(workflow, /(: write\b)/g)).toHaveLength(1);
  });

  it('signs in as the environment, with what GitHub says of the run', () => {
    expect(below(deploying, 'environment')).toContain("name: ${{ inputs.environment || 'production' }}");
    expect(deploying).toContain('--federated-credential-provider github');
  });

  it('runs the checks first', () => {
    expect(deploying).toMatch(/^ {4}needs: check$/m);
    expect(stepsOf(checking).map((step) => scriptOf(step))).toContain('bash .ci/run');
    expect(workflow).not.toMatch(/continue-on-error|always\(\)|\bif: /);
  });

  it('deploys the commit that was checked, and nothing else', () => {
    for (const job of [checking, deploying]) {
      const checkouts = stepsOf(job).filter((step) => step.includes('actions/checkout@'));
      expect(checkouts).toHaveLength(1);
      expect(checkouts[0]).toContain('ref: ${{ github.sha }}');
      expect(checkouts[0]).toContain('persist-credentials: false');
    }
    const order = stepsOf(checking).map((step) => scriptOf(step));
    expect(order.indexOf('npm run package')).toBeGreaterThan(order.indexOf('bash .ci/run'));
    expect(deploying).toContain('azd deploy app --from-package "$(ls package/*.zip)"');
    expect(namesIn(workflow, /name: (package)$/gm)).toHaveLength(2);
  });

  it('runs nothing of npm where Azure can be reached', () => {
    expect(deploying).not.toMatch(/\bnpm\b|\bnpx\b|\bnode\b|setup-node|\.ci\/run|azd up\b|azd package\b/);
  });

  it('never deploys twice at a time to one environment, and stops no deployment midway', () => {
    const concurrency = below(deploying, 'concurrency');
    expect(concurrency).toContain("group: deploy-${{ inputs.environment || 'production' }}");
    expect(concurrency).toContain('cancel-in-progress: false');
  });

  it('pins every action to a major version, the same as the other workflow', () => {
    const uses = namesIn(workflow, /\buses: (.+)$/gm);
    expect(uses.filter((action) => !/^(?:actions|Azure)\/[\w-]+@v\d+$/.test(action))).toEqual([]);
    const elsewhere = namesIn(check, /\buses: (.+)$/gm);
    const nameOf = (action: string): string => action.split('@', 1)[0] ?? '';
    const inBoth = uses.filter((action) => elsewhere.some((other) => nameOf(other) === nameOf(action)));
    expect(inBoth).toHaveLength(3);
    expect(inBoth.filter((action) => !elsewhere.includes(action))).toEqual([]);
  });

  it('puts no text of the run into a script, where it would be run', () => {
    expect(scripts.filter((script) => script.includes('${{'))).toEqual([]);
  });

  it.skipIf(process.platform === 'win32')('has scripts that a shell can read', () => {
    for (const script of scripts)
      expect(execFileSync('bash', ['-n'], { input: script, encoding: 'utf8' })).toBe('');
  });

  it('takes over exactly the choices of the template', () => {
    const parameters = namesIn(read('infra/main.bicepparam'), /readEnvironmentVariable\('(\w+)'/g);
    expect([...choices, 'AZURE_ENV_NAME', 'AZURE_LOCATION'].sort()).toEqual([...parameters].sort());
  });

  it('uses no variable that is not documented', () => {
    expect(variables.length).toBeGreaterThanOrEqual(5);
    expect([...variables, ...choices].filter((name) => !documents.includes(`\`${name}`))).toEqual([]);
  });

  it('prints only what the template gives, and asks the route that is there', () => {
    const outputs = new Set(namesIn(read('infra/main.bicep'), /^output (\w+)/gm));
    const asked = namesIn(workflow, /azd env get-value (\w+)/g);
    expect(asked.length).toBeGreaterThan(0);
    expect(asked.filter((name) => !outputs.has(name))).toEqual([]);
    expect(outputs.has('AZURE_RESOURCE_GROUP')).toBe(true);
    expect(read('functions/health.ts')).toContain("route: 'api/health'");
    expect(stepsOf(deploying).at(-1)).toContain('"https://$host/api/health"');
  });

  it('names npm scripts and an azd service that exist', () => {
    const scriptNames = namesIn(workflow, /\bnpm run ([\w:]+)/g);
    const manifest = read('package.json');
    expect(scriptNames.filter((name) => !manifest.includes(`"${name}":`))).toEqual([]);
    expect(below(read('azure.yaml'), 'services')).toMatch(/^ {2}app:$/m);
  });
});
