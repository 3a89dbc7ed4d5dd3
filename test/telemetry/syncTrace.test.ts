/** Telling the LiteLLM proxy belongs to the sign-in's own trace, and names neither a person nor the key. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createSampleDirectory, sampleGroups, samplePeople } from '../../dev/identity/sampleDirectory.ts';
import { type E2eStack, startE2eStack } from '../support/e2eStack.ts';
import { signInUntilDone } from '../support/e2eVisitor.ts';
import { waitUntil } from '../support/e2eWait.ts';
import { type OtlpReceiver, type ReceivedSpan, startOtlpReceiver } from './otlpReceiver.ts';
import { childrenOf, renderTree } from './spanTree.ts';

let folder: string;
let receiver: OtlpReceiver;
let stack: E2eStack;

/** Only Alice and her group, without the hundreds of other people and groups. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sync-trace-'));
  const directory = createSampleDirectory();
  const groups = directory.groups.filter(({ id }) => id === sampleGroups.production);
  const directoryFile = join(folder, 'directory.json');
  await writeFile(directoryFile, JSON.stringify({ ...directory, groups }));
  receiver = await startOtlpReceiver();
  stack = await startE2eStack({
    directoryFile,
    litellmVersion: '1.101.6',
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' },
  });
});
afterAll(async () => {
  await stack?.close();
  await receiver?.close();
  await rm(folder, { recursive: true, force: true });
});

const named = (spans: readonly ReceivedSpan[], name: string): readonly ReceivedSpan[] =>
  spans.filter((span) => span.name === name);

it('continues from the provisioning to the calls of the proxy', async () => {
  await signInUntilDone(stack.url, 'alice@company.com');
  const trace = await waitUntil(
    () => {
      const [callback] = named(receiver.spans(), 'callback');
      const spans = receiver.spans().filter((span) => span.traceId === callback?.traceId);
      const isWhole = ['process provision', 'process litellm-sync'].every(
        (name) => named(spans, name).length === 1,
      );
      return isWhole ? spans : undefined;
    },
    () => renderTree(receiver.spans()),
  );
  console.log(`\n${renderTree(trace)}\n`);
  const [provision] = named(trace, 'process provision');
  const [send] = named(trace, 'send litellm-sync');
  const [sync] = named(trace, 'process litellm-sync');
  expect(send?.parentSpanId).toBe(provision?.spanId);
  expect(sync?.parentSpanId).toBe(send?.spanId);
  expect(sync?.attributes['app.outcome']).toBe('done');
  const calls = (sync === undefined ? [] : childrenOf(trace, sync)).filter(
    (span) => span.attributes['app.dependency'] === 'litellm',
  );
  expect(calls.map(({ name }) => name)).toEqual(
    expect.arrayContaining([
      'POST /user/new',
      'POST /organization/member_add',
      'GET /organization/info',
      'POST /team/member_add',
    ]),
  );
});

it('is counted, as removals are', async () => {
  const { production: group } = sampleGroups;
  await stack.control.editDirectory({ edit: 'removeFromGroup', person: samplePeople.alice, group });
  await signInUntilDone(stack.url, 'alice@company.com');
  const totals = await waitUntil(
    () => (receiver.totals()['sync.memberships.removed'] === undefined ? undefined : receiver.totals()),
    () => JSON.stringify(receiver.totals()),
    25_000,
  );
  expect(totals).toMatchObject({
    'provision.memberships.granted': 2,
    'provision.memberships.removed': 2,
    'sync.memberships.added': 2,
    'sync.memberships.removed': 2,
    'sync.delay{outcome=done}': 2,
  });
}, 40_000);

it('names no person, no row and no key', () => {
  const emitted = receiver.raw().join('\n');
  const never = [
    stack.litellm?.masterKey ?? 'no key',
    samplePeople.alice,
    sampleGroups.production,
    'alice@company.com',
    'Alice Anderson',
    'Production Team',
  ];
  expect(never.filter((text) => emitted.includes(text))).toEqual([]);
  expect(stack.host.logs().filter((line) => line.includes(never[0] ?? ''))).toEqual([]);
});
