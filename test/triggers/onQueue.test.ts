/** The real queue functions, called as the host calls them, with entries that are not ours. */
import { InvocationContext } from '@azure/functions';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { createCoreModule, installCoreModule } from '../../dev/host/coreModule.ts';
import { AppError } from '../../shared/model/errors.ts';
import { createMessageSeal } from '../../shared/queue/messageSeal.ts';
import { serializeProvisionMessage } from '../../shared/queue/queueMessage.ts';
import { CLIENT_ID, createTestKeyRing, TENANT_ID } from '../support/signInDoubles.ts';
import { ALICE, message, readyWorld } from '../support/world.ts';

const world = await readyWorld();
const keyRing = createTestKeyRing();
const seal = createMessageSeal({ keyRing, tenantId: TENANT_ID, clientId: CLIENT_ID }, 'provision');
const core = createCoreModule(() => undefined);

vi.mock('../../shared/app.ts', () => ({
  isConfigured: () => true,
  requireApp: () => ({ provisionQueue: { ...world.queueOf(world.provisionDeps), seal } }),
}));

beforeAll(async () => {
  installCoreModule(core.exports);
  await import('../../functions/provision.ts');
  await import('../../functions/provisionPoison.ts');
});

async function call(name: string, entry: unknown): Promise<void> {
  const context = new InvocationContext({ invocationId: 'invocation-1', functionName: name });
  await core.functions.get(name)?.callback(entry, context);
}

/** An object that shows whether anything reads it. */
function watched(): { readonly entry: object; readonly reads: string[] } {
  const reads: string[] = [];
  const entry = new Proxy(message({ appRoles: ['proxy_admin'] }), {
    get(target, name) {
      reads.push(String(name));
      const value: unknown = Reflect.get(target, name);
      return value;
    },
  });
  return { entry, reads };
}

describe('the function of the queue provision', () => {
  it('reads nothing of an object, and provisions nothing', async () => {
    const before = world.tables.dump();
    const { entry, reads } = watched();
    await expect(call('provision', entry)).rejects.toMatchObject({ code: 'message_not_authentic' });
    expect(reads).toEqual([]);
    expect(world.tables.dump()).toEqual(before);
  });

  it.each([
    ['JSON as text', serializeProvisionMessage(message())],
    ['nothing', undefined],
    ['a list', [message()]],
  ])('provisions nothing for %s', async (_what, entry) => {
    const before = world.tables.dump();
    await expect(call('provision', entry)).rejects.toMatchObject({ code: 'message_not_authentic' });
    expect(world.tables.dump()).toEqual(before);
  });

  it('fails and is delivered again while the key ring cannot be read', async () => {
    const text = await seal.sign(serializeProvisionMessage(message()));
    keyRing.fault = new AppError('storage_unavailable', 'no ring', { retryable: true });
    await expect(call('provision', text)).rejects.toMatchObject({ code: 'storage_unavailable' });
    delete keyRing.fault;
    await call('provision', text);
    expect((await world.store.users.find(ALICE))?.run?.state).toBe('applied');
  });
});

describe('the function of the queue provision-poison', () => {
  it('keeps an object as not authentic', async () => {
    await call('provisionPoison', message({ appRoles: ['proxy_admin'] }));
    expect((await world.store.failures.read()).failures).toMatchObject([
      { id: 'invocation-1', authentic: false, reason: 'message_not_authentic' },
    ]);
  });
});
