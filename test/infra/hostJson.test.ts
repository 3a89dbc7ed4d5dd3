import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { QUEUES } from '../../dev/stack/createStorage.ts';
import {
  MAX_DELIVERIES,
  PROVISION_POISON_QUEUE,
  PROVISION_QUEUE,
  SYNC_POISON_QUEUE,
  SYNC_QUEUE,
} from '../../shared/queue/queueNames.ts';

const repositoryDir = resolve(import.meta.dirname, '../..');
const host: unknown = JSON.parse(readFileSync(resolve(repositoryDir, 'host.json'), 'utf8'));

describe('host.json', () => {
  it('gives up on a message when the code thinks so, 30 seconds between attempts', () => {
    expect(host).toMatchObject({
      extensions: { queues: { maxDequeueCount: MAX_DELIVERIES, visibilityTimeout: '00:00:30' } },
    });
  });

  it('reads base64, as the code writes it', () => {
    const writer = readFileSync(resolve(repositoryDir, 'shared/queue/storageQueue.ts'), 'utf8');
    expect(host).toMatchObject({ extensions: { queues: { messageEncoding: 'base64' } } });
    expect(writer).toContain("'base64'");
  });

  it('puts no prefix before the callback that is registered in Entra', () => {
    const callback = readFileSync(resolve(repositoryDir, 'functions/callback.ts'), 'utf8');
    expect(host).toMatchObject({ extensions: { http: { routePrefix: '' } } });
    expect(callback).toContain("route: 'sso/callback'");
  });

  it('sends telemetry as the alerts and settings expect it, and takes extensions of version 4', () => {
    expect(host).toMatchObject({
      telemetryMode: 'OpenTelemetry',
      extensionBundle: { id: 'Microsoft.Azure.Functions.ExtensionBundle', version: '[4.*, 5.0.0)' },
    });
  });

  it('moves to the poison queue by the name that the host makes of the queue', () => {
    const poisonQueues = new Map([
      [PROVISION_QUEUE, PROVISION_POISON_QUEUE],
      [SYNC_QUEUE, SYNC_POISON_QUEUE],
    ]);
    for (const [queue, poisonQueue] of poisonQueues) expect(poisonQueue).toBe(`${queue}-poison`);
    expect([...QUEUES].sort()).toEqual([...poisonQueues].flat().sort());
  });
});
