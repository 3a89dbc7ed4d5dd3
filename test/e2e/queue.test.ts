import { execFile } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { QueueClient } from '@azure/storage-queue';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sampleGroups, samplePeople } from '../../dev/identity/sampleDirectory.ts';
import { FailureStore, type FailedMessage } from '../../shared/storage/failureStore.ts';
import { parkedListOf, ParkedSnapshots } from '../../shared/storage/parkedSnapshots.ts';
import { createAzureTables } from '../../shared/storage/tables/azureTables.ts';
import type { Tables } from '../../shared/model/tables.ts';
import { timeOrderedUuid } from '../../shared/platform/timeOrderedUuid.ts';
import { type ProvisionMessage, serializeProvisionMessage } from '../../shared/queue/queueMessage.ts';
import { sealOf } from '../support/messageSeals.ts';
import { readPerson } from '../support/e2eRows.ts';
import { type E2eStack, startE2eStack } from '../support/e2eStack.ts';
import { type Me, signInUntilDone, Visitor } from '../support/e2eVisitor.ts';
import { waitUntil } from '../support/e2eWait.ts';

const { production } = sampleGroups;

let stack: E2eStack;
let tables: Tables;
/** Of a person who signed in before a list of groups was accepted. */
let early: { readonly visitor: Visitor; readonly waiting: Me };

beforeAll(async () => {
  stack = await startE2eStack({
    // No list yet: nothing has read the directory.
    runTimers: false,
    env: { AzureFunctionsJobHost__extensions__queues__visibilityTimeout: '00:00:00' },
  });
  const connection = { kind: 'connectionString' as const, connectionString: stack.storageConnectionString };
  tables = createAzureTables({ connection });
  await stack.control.setFaults({ graphPermissionMissing: true });
  const visitor = new Visitor(stack.url);
  await visitor.signIn('alice@company.com');
  early = { visitor, waiting: await visitor.waitFor('waiting') };
  // The message comes back after 15 seconds; meanwhile the other tests run.
  await stack.control.clearFaults();
  await stack.runAssignedGroups();
});
afterAll(async () => stack?.close());

const queueOf = (name: string): QueueClient => new QueueClient(stack.storageConnectionString, name);
const putRaw = async (raw: string): Promise<void> => {
  await queueOf('provision').sendMessage(raw);
};
const put = async (text: string): Promise<void> => putRaw(Buffer.from(text).toString('base64'));
/** Puts a message as the app does, and returns its text. */
const putSigned = async (json: string): Promise<string> => {
  const text = await sealOf(stack).sign(json);
  await put(text);
  return text;
};

const readFailures = async (): Promise<readonly FailedMessage[]> =>
  (await new FailureStore(tables, 'provision').read()).failures;
/** Waits until a message whose text is this one was kept, and returns it. */
const waitForFailure = async (text: string): Promise<FailedMessage> =>
  waitUntil(
    async () => (await readFailures()).find((failure) => failure.text === text),
    () => stack.host.logs().slice(-20).join('\n'),
  );

/** What a sign-in of a new person in the production team would have put, ten minutes ago, whose list is not there. */
function parkedMessage(): ProvisionMessage & { readonly parked: { readonly snapshot_id: string } } {
  const id = timeOrderedUuid(Date.now(), randomBytes(10));
  return {
    version: 1,
    id,
    observed_at: new Date(Date.now() - 600_000).toISOString(),
    person: { user_id: randomUUID(), tenant_id: stack.tenantId, app_roles: [] },
    groups_source: 'claim',
    parked: parkedListOf(id, [production]),
  };
}

async function redrive(...args: readonly string[]): Promise<string> {
  const file = join(import.meta.dirname, '../../cli/redrive.ts');
  const env = { PATH: process.env['PATH'] ?? '', LOCAL_STATE_DIR: stack.stateDir };
  const { stdout } = await promisify(execFile)(process.execPath, [file, ...args], { env });
  return stdout;
}

const waitForUser = async (userId: string): ReturnType<typeof readPerson> =>
  waitUntil(
    async () => {
      const person = await readPerson(stack.storageConnectionString, userId);
      return person.user?.['run_state'] === 'applied' ? person : undefined;
    },
    () => stack.host.logs().slice(-20).join('\n'),
  );

describe('a message that is garbage', () => {
  it.each([
    ['text', 'hello'],
    ['a number', '42'],
    ['a list', '[1,2]'],
    ['nothing', 'null'],
    ['an empty object', '{}'],
    ['a version to come', '{"version":2,"id":"later","observed_at":"2026-01-01T00:00:00Z"}'],
    ['huge', JSON.stringify({ version: 1, rest: 'x'.repeat(48_000) })],
    ['not ours in spite of its looks', '{"version":1,"id":"../x","observed_at":"yesterday"}'],
  ])('(%s) is tried five times, then kept whole with a clear reason', async (_what, text) => {
    const from = stack.host.logs().length;
    await put(text);
    const failure = await waitForFailure(text);
    expect(failure).toMatchObject({ text, reason: 'message_not_authentic', authentic: false });
    const tried = stack.host
      .logs()
      .slice(from)
      .filter((line) => line.includes(' provision {"event":"provision.user"'));
    expect(tried).toHaveLength(5);
    expect(tried[0]).toContain('"code":"message_not_authentic"');
  });

  it('although this app signed it is kept with the paths that are wrong', async () => {
    const from = stack.host.logs().length;
    const text = await putSigned('{"version":2,"id":"later","observed_at":"2026-01-01T00:00:00Z"}');
    expect(await waitForFailure(text)).toMatchObject({ reason: 'message_unreadable', authentic: true });
    const tried = stack.host
      .logs()
      .slice(from)
      .filter((line) => line.includes(' provision {"event":"provision.user"'));
    expect(tried).toHaveLength(5);
    expect(tried[0]).toMatch(/"code":"message_unreadable".*"paths":\["[^"]+"/);
  });

  it('does not hold up the next one', async () => {
    await put('garbage before');
    await putRaw('not even base64!');
    const { me } = await signInUntilDone(stack.url, 'bob@company.com');
    expect(me.teams).toEqual([expect.objectContaining({ team_id: production })]);
    await waitForFailure('garbage before');
    const gone = async (): Promise<true | undefined> =>
      (await queueOf('provision').getProperties()).approximateMessagesCount === 1 ? true : undefined;
    // Only the early sign-in still waits in the queue.
    await waitUntil(gone, () => stack.host.logs().slice(-20).join('\n'));
    // What is not base64 reaches no function, so it stays in the poison queue until the operator looks at it.
    await queueOf('provision-poison').clearMessages();
  });
});

describe('a message that failed', () => {
  it('shows the person and the operator why, and changes nothing', async () => {
    const { visitor, me } = await signInUntilDone(stack.url, 'olivia@company.com');
    const message = {
      ...parkedMessage(),
      // As Microsoft's clock would say it: in whole seconds.
      observed_at: new Date(Math.floor(Date.now() / 1000) * 1000).toISOString(),
      person: { user_id: samplePeople.orgAdmin, tenant_id: stack.tenantId, app_roles: [] },
    };
    const text = await putSigned(serializeProvisionMessage(message));
    const failed = await waitUntil(
      async () => {
        const seen = await visitor.me();
        return seen.provisioning.status === 'failed' ? seen : undefined;
      },
      () => stack.host.logs().slice(-20).join('\n'),
    );
    expect(failed.provisioning).toMatchObject({ id: message.id, reason: 'snapshot_missing' });
    expect(failed.teams).toEqual(me.teams);
    expect(await waitForFailure(text)).toMatchObject({
      reason: 'snapshot_missing',
      userId: samplePeople.orgAdmin,
      observation: { id: message.id, observed_at: message.observed_at },
    });
    // A newer sign-in counts, whatever failed before.
    await signInUntilDone(stack.url, 'olivia@company.com');
  });

  it('is listed, put back alone by its id, and provisioned as of its own time', async () => {
    const message = parkedMessage();
    const text = await putSigned(serializeProvisionMessage(message));
    const { id } = await waitForFailure(text);
    const listed = await redrive();
    expect(listed).toContain(id);
    expect(listed).toContain('snapshot_missing');
    expect(listed).toContain(message.observed_at);

    await new ParkedSnapshots(tables).park(message.parked.snapshot_id, [production]);
    expect(await redrive(id)).toContain(`${id}  redriven  (failed with snapshot_missing)\n1 put back.`);
    const person = await waitForUser(message.person.user_id);
    expect(person).toMatchObject({ teams: [production], organizations: [production] });
    expect(person.user).toMatchObject({ observed_at: message.observed_at, observation_id: message.id });
  });

  it('is put back with all others, except for those that could only fail again', async () => {
    const messages = [parkedMessage(), parkedMessage()];
    await put('unsigned forever');
    const unreadableText = await putSigned('{"signed":"and unreadable"}');
    for (const message of messages) {
      await waitForFailure(await putSigned(serializeProvisionMessage(message)));
      await new ParkedSnapshots(tables).park(message.parked.snapshot_id, [production]);
    }
    const { id: unsigned } = await waitForFailure('unsigned forever');
    const { id: unreadable } = await waitForFailure(unreadableText);
    const already = (await readFailures()).filter((failure) => failure.redrivenAt !== undefined);

    const answer = await redrive('--all');
    expect(answer).toContain(`${unsigned}  not_authentic`);
    expect(answer).toContain(`${unreadable}  unreadable`);
    for (const { id } of already) expect(answer).toContain(`${id}  already_redriven`);
    for (const message of messages) {
      const person = await waitForUser(message.person.user_id);
      expect(person).toMatchObject({ teams: [production], organizations: [production] });
      expect(person.user).toMatchObject({ observed_at: message.observed_at });
    }
    expect(await redrive('--all')).toContain('\n0 put back.');
  });

  it('with an unknown id cannot be put back', async () => {
    await expect(redrive('no-such-message')).rejects.toThrow('not_found');
  });
});

describe('a message that cannot proceed yet', () => {
  it('waits, and says why and until when', () => {
    const { provisioning, teams } = early.waiting;
    expect(provisioning).toMatchObject({
      status: 'waiting',
      reason: 'directory_permission_missing',
      attempts: 1,
    });
    const delayMs =
      Date.parse(String(provisioning['next_try_at'])) - Date.parse(String(provisioning['updated_at']));
    expect(delayMs).toBe(15_000);
    expect(teams).toEqual([]);
  });

  it(
    'continues automatically, as of its own time, once the reason is gone',
    { timeout: 30_000 },
    async () => {
      const done = await early.visitor.waitFor('done');
      expect(done.provisioning).toMatchObject({
        id: early.waiting.provisioning.id,
        observed_at: early.waiting.provisioning.observed_at,
      });
      expect(done.teams).toEqual([expect.objectContaining({ team_id: production })]);
    },
  );
});
