/**
 * Checks what the workflows share with other files, and what protects the deployment. infra/snapshots has the workflows
 * themselves.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';

const read = (path: string): string => readFileSync(resolve(import.meta.dirname, '../..', path), 'utf8');
const workflow = read('.github/workflows/deploy.yml');

const stepSchema = z.looseObject({
  uses: z.string().optional(),
  run: z.string().optional(),
  with: z.record(z.string(), z.unknown()).optional(),
  env: z.record(z.string(), z.string()).optional(),
});
const jobSchema = z.looseObject({
  needs: z.string().optional(),
  permissions: z.record(z.string(), z.string()),
  steps: z.array(stepSchema),
});
const { jobs, permissions } = z
  .looseObject({
    permissions: z.object({}).strict(),
    jobs: z.object({ check: jobSchema, deploy: jobSchema }).strict(),
  })
  .parse(parse(workflow));
const steps = [...jobs.check.steps, ...jobs.deploy.steps];
const scripts = steps.flatMap(({ run }) => run ?? []);
const choices = steps.flatMap(({ env }) => env?.['CHOICES']?.trim().split(/\s+/) ?? []);

const namesIn = (text: string, pattern: RegExp): readonly string[] =>
  [...text.matchAll(pattern)].map((found) => found[1] ?? '');

describe('.github/workflows/deploy.yml', () => {
  it('uses no secret', () => {
    expect(workflow).not.toMatch(
      /secrets\b|client-secret|creds:|publish-profile|github\.token|GITHUB_TOKEN|[0-9a-f]{8}-[0-9a-f]{4}-/i,
    );
  });

  it('can sign in to Azure only in the deploying job', () => {
    expect(permissions).toEqual({});
    expect(jobs.check.permissions).toEqual({ contents: 'read' });
    expect(jobs.deploy.permissions).toEqual({ contents: 'read', 'id-token': 'write' });
  });

  it('deploys only the commit that was checked', () => {
    expect(jobs.deploy.needs).toBe('check');
    const checkouts = steps.filter(({ uses }) => uses?.startsWith('actions/checkout@'));
    expect(checkouts.map((step) => step.with?.['ref'])).toEqual(['${{ github.sha }}', '${{ github.sha }}']);
    const inOrder = jobs.check.steps.flatMap(({ run }) => run ?? []);
    expect(inOrder).toEqual(['bash .ci/run', 'npm run package']);
    expect(scripts.join('\n')).toContain('azd deploy app --from-package "$(ls package/*.zip)"');
  });

  it('runs no npm command in the job that can reach Azure', () => {
    expect(JSON.stringify(jobs.deploy)).not.toMatch(
      /\bnpm\b|\bnpx\b|\bnode\b|setup-node|\.ci\/run|azd up\b|azd package\b/,
    );
  });

  it('pins every action to the same major version as the other workflow', () => {
    const uses = steps.flatMap((step) => step.uses ?? []);
    expect(uses.filter((action) => !/^(?:actions|Azure)\/[\w-]+@v\d+$/.test(action))).toEqual([]);
    const elsewhere = namesIn(read('.github/workflows/check.yml'), /\buses: (.+)$/gm);
    expect(elsewhere.filter((action) => !uses.includes(action))).toEqual([]);
  });

  it('inserts no text of the run into a script, because the shell would execute it', () => {
    expect(scripts.filter((script) => script.includes('${{'))).toEqual([]);
  });

  it.skipIf(process.platform === 'win32')('has scripts that a shell can parse', () => {
    for (const script of scripts) {
      expect(execFileSync('bash', ['-n'], { input: script, encoding: 'utf8' })).toBe('');
    }
  });

  it('passes exactly the choices of the template', () => {
    const parameters = namesIn(read('infra/main.bicepparam'), /readEnvironmentVariable\('(\w+)'/g);
    expect([...choices, 'AZURE_ENV_NAME', 'AZURE_LOCATION'].sort()).toEqual(parameters.toSorted());
  });

  it('uses no variable that is not documented', () => {
    const documents = read('docs/security.md') + read('docs/deploy.md');
    const variables = namesIn(workflow, /\bvars\.(\w+)/g);
    expect(variables.length).toBeGreaterThanOrEqual(5);
    expect([...variables, ...choices].filter((name) => !documents.includes(`\`${name}`))).toEqual([]);
  });

  it('names outputs, a route, npm scripts and an azd service that exist', () => {
    const asked = namesIn(workflow, /azd env get-value (\w+)/g);
    const outputs = namesIn(read('infra/main.bicep'), /^output (\w+)/gm);
    expect(asked.filter((name) => !outputs.includes(name))).toEqual([]);
    expect(read('functions/health.ts')).toContain("route: 'api/health'");
    expect(scripts.at(-1)).toContain('"https://$host/api/health"');
    expect(read('package.json')).toContain('"package":');
    expect(parse(read('azure.yaml'))).toHaveProperty('services.app');
  });
});
