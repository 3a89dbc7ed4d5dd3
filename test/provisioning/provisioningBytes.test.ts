/** What provisioning costs on the wire, requests and bytes. A regression shows here, never in a time. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createStorage } from '../../dev/stack/createStorage.ts';
import { type Azurite, startAzurite } from '../../dev/stack/azurite.ts';
import { createAzureTables } from '../../shared/storage/tables/azureTables.ts';
import { countWire } from '../support/countWire.ts';
import {
  acceptedList,
  createSubject,
  groupsOf,
  personOf,
  signInMessage,
  type Subject,
} from '../support/provisioningSubject.ts';

let azurite: Azurite;
let subject: Subject;

beforeAll(async () => {
  azurite = await startAzurite();
  await createStorage(azurite.connectionString);
  const { connectionString } = azurite;
  subject = createSubject(createAzureTables({ connection: { kind: 'connectionString', connectionString } }));
});

afterAll(async () => azurite.stop());

const SIZES = [{ count: 1 }, { count: 10 }, { count: 100 }] as const;

it.each(SIZES)(
  'never costs a first provisioning with $count groups more than its formula',
  async ({ count }) => {
    const groups = groupsOf('shared', count);
    subject.know(acceptedList(groups));
    const person = personOf(`first ${count}`);
    const wire = await countWire(() => subject.provision(signInMessage(person, groups)));
    const transactions = 2 * Math.ceil(count / 99);
    expect(wire.requests).toBeLessThanOrEqual(5 + 2 * Math.ceil(count / 100) + transactions);
    expect(wire.bytesSent + wire.bytesReceived).toBeLessThan(15_000 + 6_000 * count);
  },
);

it.each(SIZES)(
  'costs an unchanged repeat with $count groups two requests of the same size',
  async ({ count }) => {
    const groups = groupsOf('shared', count);
    subject.know(acceptedList(groups));
    const person = personOf(`repeat ${count}`);
    await subject.provision(signInMessage(person, groups));
    const wire = await countWire(async () => {
      expect(await subject.provision(signInMessage(person, groups))).toBe('unchanged');
    });
    expect(wire.requests).toBe(2);
    expect(wire.bytesSent + wire.bytesReceived).toBeLessThan(5_000);
  },
);
