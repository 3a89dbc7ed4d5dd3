import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parseHostJson } from '../../dev/host/hostJson.ts';
import { CURVE, SETTINGS } from './throughputPlan.ts';

it('measures 16 and 32 at once', () => {
  expect(SETTINGS.map(({ batchSize, newBatchThreshold }) => batchSize + newBatchThreshold)).toEqual([16, 32]);
});

it('has the pair of host.json on its curve, so that the choice is among what was measured', async () => {
  const text = await readFile(join(import.meta.dirname, '../../host.json'), 'utf8');
  const { batchSize, newBatchThreshold } = parseHostJson(text, {}).queues;
  expect(CURVE).toContainEqual({ batchSize, newBatchThreshold });
});

it('asks the queue for no more messages than one request may give', () => {
  expect(Math.max(...CURVE.map(({ batchSize }) => batchSize))).toBeLessThanOrEqual(32);
});
