import { expect, test } from 'vitest';
import { parseHostJson } from '../../../dev/host/hostJson.ts';

test("has Azure's defaults", () => {
  expect(parseHostJson('{"version":"2.0"}', {})).toEqual({
    routePrefix: 'api',
    logLevels: {},
    queues: {
      batchSize: 16,
      newBatchThreshold: 8,
      maxDequeueCount: 5,
      visibilityTimeoutMs: 0,
      maxPollingIntervalMs: 60_000,
      messageEncoding: 'base64',
    },
  });
});

test('is overridden by app settings, in any case of the letters', () => {
  const text = JSON.stringify({
    version: '2.0',
    extensions: { http: { routePrefix: '/x/' }, queues: { visibilityTimeout: '00:00:30', batchSize: 4 } },
  });
  const parsed = parseHostJson(text, {
    AzureFunctionsJobHost__extensions__queues__VisibilityTimeout: '00:00:01',
    AZUREFUNCTIONSJOBHOST__EXTENSIONS__QUEUES__BATCHSIZE: '10',
  });
  expect(parsed.routePrefix).toBe('x');
  expect(parsed.queues).toMatchObject({ visibilityTimeoutMs: 1_000, batchSize: 10, newBatchThreshold: 5 });
});

test.each([
  { name: 'text that is not JSON', text: '{', message: 'not JSON' },
  { name: 'another version', text: '{"version":"1.0"}', message: 'version' },
  {
    name: 'more messages a batch than queue storage returns',
    text: '{"version":"2.0","extensions":{"queues":{"batchSize":33}}}',
    message: 'batchSize',
  },
  {
    name: 'an invalid duration',
    text: '{"version":"2.0","extensions":{"queues":{"visibilityTimeout":"30s"}}}',
    message: '"30s" is not a duration',
  },
])('refuses $name', ({ text, message }) => {
  expect(() => parseHostJson(text, {})).toThrow(message);
});
