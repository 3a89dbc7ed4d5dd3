import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { assertions } from '../../dev/infra/assertions/assertions.ts';
import { startBicepServer } from '../../dev/infra/bicepServer.ts';
import { compileParameters, compileTemplate, deployInTheory } from '../../dev/infra/deployInTheory.ts';
import { copyInfra } from '../../dev/infra/infraCopy.ts';
import { meantDeployments } from '../../dev/infra/meantDeployments.ts';
import type { Deployment } from '../../dev/infra/resolveDeployment.ts';
import { findTheCompiler } from './theCompiler.ts';

const cli = await findTheCompiler();
const deployments = new Map<string, Deployment>();

describe.skipIf(cli === undefined)('a deployment', () => {
  beforeAll(async () => {
    const path = cli?.path ?? '';
    const copy = await copyInfra(path, { linter: false });
    const server = startBicepServer(path);
    try {
      const template = await compileTemplate(server, copy);
      for (const { name } of meantDeployments) {
        const parameters = await compileParameters(server, copy, name);
        deployments.set(name, await deployInTheory({ server, copy, name, template, parameters }));
      }
    } finally {
      await server.stop();
      await copy.remove();
    }
    // A compiler takes seconds to start, on a busy machine many of them.
  }, 180_000);
  afterAll(() => deployments.clear());

  describe.each(meantDeployments)('$name', (meant) => {
    it.each(assertions)('$name', ({ check }) => {
      const deployment = deployments.get(meant.name);
      expect(deployment).toBeDefined();
      if (deployment !== undefined) check(deployment, meant);
    });
  });
});

it('has a name of its own for every assertion', () => {
  expect(new Set(assertions.map(({ name }) => name)).size).toBe(assertions.length);
});
