/** A membership's way to LiteLLM stays short: few functions between the sync of a person and the request. */
import { expect, it } from 'vitest';
import { createLitellmClient } from '../../shared/litellm/client/litellmClient.ts';
import { Secret } from '../../shared/model/secret.ts';
import { createSyncWorld } from '../support/syncWorld.ts';
import { ALICE, createTestClock, message } from '../support/world.ts';

/** Returns the product's frames of a stack, innermost first, with those that await. */
function framesOf(stack: string): readonly string[] {
  const lines = stack.split('\n').filter((line) => line.includes('/shared/'));
  return lines.map((line) =>
    line
      .trim()
      .replace(/\(?(?:file:\/\/)?\/.*\/shared\//, '')
      .replace(/:\d+:\d+\)?$/, ''),
  );
}

it('takes at most eight functions from the message to the request', async () => {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 100;
  const stacks: string[] = [];
  const client = createLitellmClient({
    baseUrl: 'https://litellm.example.com',
    apiKey: new Secret('sk-test'),
    clock: createTestClock(),
    fetch: async () => {
      stacks.push(new Error('here').stack ?? '');
      return Promise.resolve(Response.json({}));
    },
  });
  const on = createSyncWorld();
  await on.refresh();
  await on.drain();
  await on.provision(message());
  on.litellm.addTeamMember = client.addTeamMember.bind(client);
  await on.sync({ kind: 'user', id: ALICE });
  Error.stackTraceLimit = limit;
  expect(stacks).toHaveLength(1);
  const frames = framesOf(stacks[0] ?? '');
  expect(frames.length, frames.join('\n')).toBeLessThanOrEqual(8);
});
