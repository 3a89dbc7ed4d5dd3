/**
 * Checks what the workflows share with other files, and what protects the deployment. infra/snapshots has the workflows
 * themselves.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
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

/** Runs the step that deploys the app, with an `azd` that ends each attempt with the next of these outputs and an error. */
function deployWith(failures: readonly string[]): {
  readonly status: number | null;
  readonly attempts: number;
} {
  const dir = mkdtempSync(join(tmpdir(), 'deploy-step-'));
  try {
    const script = jobs.deploy.steps.find(({ run }) => run?.includes('azd deploy app'))?.run ?? '';
    mkdirSync(join(dir, 'package'));
    writeFileSync(join(dir, 'package/app.zip'), '');
    for (const [index, text] of failures.entries()) writeFileSync(join(dir, `failure${index + 1}`), text);
    const azd = [
      'echo x >> attempts; n=$(wc -l < attempts | tr -d " ")',
      'if [ -f "failure$n" ]; then cat "failure$n" >&2; exit 1; fi',
    ].join('\n');
    writeFileSync(join(dir, 'azd'), `#!/bin/sh\n${azd}\n`, { mode: 0o755 });
    writeFileSync(join(dir, 'sleep'), '#!/bin/sh\n', { mode: 0o755 });
    const env = { ...process.env, PATH: `${dir}:${process.env['PATH']}` };
    const options = { input: script, cwd: dir, env, encoding: 'utf8' } as const;
    const { status } = spawnSync('bash', ['--noprofile', '--norc', '-eo', 'pipefail'], options);
    const attempts = readFileSync(join(dir, 'attempts'), 'utf8').trim().split('\n').length;
    return { status, attempts };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

describe.skipIf(process.platform === 'win32')('the step that deploys the app', () => {
  const refused =
    'InaccessibleStorageException: Failed to access storage account for deployment: BlobUploadFailedException: ' +
    'Failed to upload blob to storage account: Response status code does not indicate success: 403';

  it.each([
    { what: 'deploys once', failures: [], expected: { status: 0, attempts: 1 } },
    {
      what: 'tries again while storage refuses',
      failures: [refused, refused],
      expected: { status: 0, attempts: 3 },
    },
    {
      what: 'gives up after eight attempts',
      failures: Array(9).fill(refused),
      expected: { status: 1, attempts: 8 },
    },
    {
      what: 'does not repeat another failure',
      failures: ['ERROR: the package is not a zip', ''],
      expected: { status: 1, attempts: 1 },
    },
    {
      what: 'stops at another failure later',
      failures: [refused, 'ERROR: Site Unavailable (CODE: 503)'],
      expected: { status: 1, attempts: 2 },
    },
  ])('$what', ({ failures, expected }) => {
    expect(deployWith(failures)).toEqual(expected);
  });
});

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

  it('pins every action to a commit and names its version, the same in both workflows and in docs/security.md', () => {
    const both = workflow + read('.github/workflows/check.yml');
    const lines = namesIn(both, /\buses: *(.+)$/gm);
    expect(lines.length).toBeGreaterThan(6);
    const pinned = /^((?:actions|Azure)\/[\w-]+)@([0-9a-f]{40}) # (v\d+\.\d+\.\d+)$/;
    expect(lines.filter((line) => !pinned.test(line))).toEqual([]);
    const pins = new Set(lines.map((line) => line.replace(pinned, '| `$1` | `$3` | `$2` |')));
    const listed = namesIn(
      read('docs/security.md'),
      /^(\| `\w+\/[\w-]+` \| `v[\d.]+` \| `[0-9a-f]{40}` \|)/gm,
    );
    expect([...pins].sort()).toEqual([...listed].sort());
  });

  it('installs a release of azd that azure.yaml accepts', () => {
    const step = steps.find(({ uses }) => uses?.startsWith('Azure/setup-azd@'));
    const installed = z.string().parse(step?.with?.['version']);
    const [, required = ''] = /azd: '>= ([\d.]+)'/.exec(read('azure.yaml')) ?? [];
    expect(installed).toMatch(/^\d+\.\d+\.\d+$/);
    expect(installed.localeCompare(required, 'en', { numeric: true })).toBeGreaterThanOrEqual(0);
  });

  it('inserts no text of the run into a script, because the shell would execute it', () => {
    expect(scripts.filter((script) => script.includes('${{'))).toEqual([]);
  });

  it.skipIf(process.platform === 'win32')('has scripts that a shell can parse', () => {
    for (const script of scripts) {
      expect(execFileSync('bash', ['-n'], { input: script, encoding: 'utf8' })).toBe('');
    }
  });

  it.skipIf(spawnSync('jq', ['--version']).status !== 0).each([
    ['{"a":"internal_user"}', true],
    ['', true],
    ['{"a":"internal_user"', false],
    ['{} {}', false],
    ['["a"]', false],
    ["'{}'", false],
  ])('takes over ROLE_MAPPINGS only if it is a JSON object: %s', (value, isTaken) => {
    const script = steps.find(({ env }) => env?.['CHOICES'] !== undefined)?.run ?? '';
    const { status, stdout } = spawnSync(
      'bash',
      ['-e', '-o', 'pipefail', '-c', `azd() { echo azd "$@"; }\n${script}`],
      {
        env: {
          PATH: process.env['PATH'],
          VARIABLES: JSON.stringify({ ROLE_MAPPINGS: value }),
          CHOICES: 'ROLE_MAPPINGS',
        },
        encoding: 'utf8',
      },
    );
    expect(status === 0).toBe(isTaken);
    expect(stdout).toContain(isTaken ? 'azd env new' : '::error::ROLE_MAPPINGS is not a JSON object');
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
