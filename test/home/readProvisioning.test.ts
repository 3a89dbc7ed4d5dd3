import { describe, expect, it } from 'vitest';
import { readProvisioning } from '../../shared/home/readProvisioning.ts';
import { readMyAccess } from '../../shared/home/readMyAccess.ts';
import type { Session } from '../../shared/session/session.ts';
import { requestsOf, tally } from '../support/handEdits.ts';
import { ALICE, BOB, TENANT_ID, createWorld, message, readyWorld } from '../support/world.ts';

function session(
  userId: string,
  observation: { readonly id: string; readonly observed_at: string },
): Session {
  const { id, observed_at } = observation;
  return { userId, tenantId: TENANT_ID, observation: { id, observed_at }, issuedAt: observed_at };
}

describe('readProvisioning', () => {
  it('is pending for the session’s own observation before its processing begins', async () => {
    const entry = message();
    const progress = await readProvisioning(createWorld(), session(ALICE, entry), entry.id);
    expect(progress).toEqual({
      id: entry.id,
      observed_at: entry.observed_at,
      status: 'pending',
      reported: [],
      newest_id: entry.id,
    });
  });

  it('is done, with what was done, once it is', async () => {
    const world = await readyWorld();
    const entry = message();
    await world.provision(entry);
    const progress = await readProvisioning(world, session(ALICE, entry), entry.id);
    expect(progress).toMatchObject({ id: entry.id, status: 'done', granted: 2, removed: 0, reported: [] });
  });

  it('is superseded once a newer one holds, which the person may ask about, too', async () => {
    const world = await readyWorld();
    const [older, newer] = [message(), message({ second: 60 })];
    await world.provision(newer);
    const mine = session(ALICE, older);
    expect((await readProvisioning(world, mine, older.id)).status).toBe('superseded');
    expect((await readProvisioning(world, mine, newer.id)).status).toBe('done');
  });

  it('says what is known of one that waits beside the one that holds', async () => {
    const world = await readyWorld();
    await world.provision(message());
    const late = message({ second: 60, groups: ['late'] });
    await world.provision(late);
    const progress = await readProvisioning(world, session(ALICE, message()), late.id);
    expect(progress).toMatchObject({ status: 'waiting', reason: 'groups_not_checked' });
  });

  it('names a newer observation as soon as it is known', async () => {
    const world = await readyWorld();
    const mine = message();
    const late = message({ second: 60, groups: ['late'] });
    const read = async () => readProvisioning(world, session(ALICE, mine), mine.id);
    expect(await read()).toMatchObject({ status: 'pending', newest_id: mine.id });
    await world.provision(late);
    const waiting = await read();
    expect(waiting.newest_id).toBe(late.id);
    const page = await readMyAccess(world, session(ALICE, mine));
    expect(page.provisioning).toMatchObject({ id: late.id, status: 'waiting' });
  });

  it('is not found for another person’s observation, nor for an unknown one', async () => {
    const world = await readyWorld();
    const bobs = message({ userId: BOB });
    await world.provision(bobs);
    const mine = session(ALICE, message());
    await expect(readProvisioning(world, mine, bobs.id)).rejects.toMatchObject({ code: 'not_found' });
    await expect(readProvisioning(world, mine, 'unknown')).rejects.toMatchObject({ code: 'not_found' });
    await expect(readProvisioning(world, mine, '')).rejects.toMatchObject({ code: 'not_found' });
  });

  it('is refused to a session that has ended', async () => {
    const world = await readyWorld();
    const entry = message();
    await world.store.users.endSessions(ALICE, world.clock.now());
    await expect(readProvisioning(world, session(ALICE, entry), entry.id)).rejects.toMatchObject({
      code: 'session_missing',
    });
  });

  it('costs one read', async () => {
    const world = await readyWorld();
    const entry = message();
    await world.provision(entry);
    const requests = await requestsOf(world.tables, async () =>
      readProvisioning(world, session(ALICE, entry), entry.id),
    );
    expect(tally(requests)).toEqual({ 'readPage LiteLLMUserTable': 1 });
  });
});
