/** A message stays easy to follow: few files have a function that runs while one message is provisioned. */
import { type Debugger, type Profiler, Session } from 'node:inspector/promises';
import { InvocationContext } from '@azure/functions';
import { expect, it, vi } from 'vitest';
import { createCoreModule, installCoreModule } from '../../dev/host/coreModule.ts';
import { ALICE, membershipsOf, message, PRODUCTION_TEAM, readyWorld } from '../support/world.ts';

const DESIGN_TEAM = { id: 'entra-group-456', displayName: 'Design Team' };
const world = await readyWorld({ assigned: [PRODUCTION_TEAM, DESIGN_TEAM] });
/** A LiteLLM proxy is connected. */
const sync = {
  queue: { enqueue: vi.fn<() => Promise<void>>() },
  clock: world.clock,
  traceparent: () => undefined,
};

vi.mock('../../shared/app.ts', () => ({
  isConfigured: () => true,
  requireApp: () => ({ provisionQueue: world.queueOf({ ...world.provisionDeps, sync }) }),
}));

/** Runs `work` and returns the product's files in which it ran a function, sorted. */
async function filesEnteredBy(work: () => Promise<unknown>): Promise<readonly string[]> {
  const session = new Session();
  session.connect();
  const scripts = new Map<string, Debugger.ScriptParsedEventDataType>();
  session.on('Debugger.scriptParsed', ({ params }) => scripts.set(params.scriptId, params));
  await session.post('Debugger.enable');
  await session.post('Profiler.enable');
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
  await work();
  const { result } = await session.post('Profiler.takePreciseCoverage');
  const entered = new Set<string>();
  for (const { scriptId, url, functions } of result) {
    const file = /\/((?:functions|shared)\/[^?]+)/.exec(url)?.[1];
    if (file === undefined || url.includes('/node_modules/')) continue;
    const { scriptSource } = await session.post('Debugger.getScriptSource', { scriptId });
    if (functions.some((one) => hasRun(one, scriptSource))) entered.add(file);
  }
  session.disconnect();
  return [...entered].sort();
}

/** Reading an export runs a getter that the test runner wrote, and isn't a function of the file. */
function hasRun({ ranges: [whole] }: Profiler.FunctionCoverage, source: string): boolean {
  if (whole === undefined || whole.count === 0) return false;
  return !source.slice(whole.startOffset, whole.endOffset).startsWith('() => { try { return');
}

it('runs functions of few files when a person joins a group', async () => {
  const core = createCoreModule(() => undefined);
  installCoreModule(core.exports);
  await import('../../functions/provision.ts');
  const deliver = async (second: number, groups: readonly string[]): Promise<unknown> => {
    const context = new InvocationContext({ invocationId: 'invocation-1', functionName: 'provision' });
    return core.functions.get('provision')?.callback(JSON.stringify(message({ second, groups })), context);
  };
  await deliver(0, [PRODUCTION_TEAM.id]);
  const files = await filesEnteredBy(async () => deliver(60, [PRODUCTION_TEAM.id, DESIGN_TEAM.id]));
  expect(await membershipsOf(world, ALICE)).toHaveLength(4);
  console.log(`${files.length} files:\n${files.join('\n')}`);
  expect(files.length, files.join('\n')).toBeLessThanOrEqual(30);
});
