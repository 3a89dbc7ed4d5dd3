import { describe, expect, it } from 'vitest';
import { UserStore } from '../../shared/storage/userStore.ts';
import { requireLiveSession, SESSION_COOKIE_NAME, type Session } from '../../shared/session/session.ts';
import { signOut } from '../../shared/signIn/signOut.ts';
import { breakingStore, dropColumn, editRow, requestsOf, tally, userRow } from '../support/handEdits.ts';
import { type World, ALICE, BOB, createWorld, message, START, TENANT_ID } from '../support/world.ts';

function session(issuedMs: number, userId = ALICE): Session {
  const issuedAt = new Date(issuedMs).toISOString();
  return { userId, tenantId: TENANT_ID, observation: { id: 'o', observed_at: issuedAt }, issuedAt };
}

async function check(world: World, one: Session): Promise<string> {
  try {
    requireLiveSession(one, await world.store.users.find(one.userId));
    return 'live';
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : 'failed';
  }
}

describe('signOut', () => {
  it('ends every session issued until now, also a copied one, and none that is issued later', async () => {
    const world = createWorld();
    await signOut(world, session(START - 1000));
    expect(await check(world, session(START - 3600_000))).toBe('session_missing');
    expect(await check(world, session(START - 1000))).toBe('session_missing');
    expect(await check(world, session(START))).toBe('session_missing');
    expect(await check(world, session(START + 1))).toBe('live');
  });

  it('ends its own session too where the clock of another instance, which issued it, is ahead', async () => {
    const world = createWorld();
    const ahead = session(START + 40_000);
    await signOut(world, ahead);
    expect(await check(world, ahead)).toBe('session_missing');
    expect(await check(world, session(START + 40_001))).toBe('live');
  });

  it('ends no other person’s', async () => {
    const world = createWorld();
    await signOut(world, session(START));
    expect(await check(world, session(START, BOB))).toBe('live');
  });

  it('ends nothing with a session that has ended already, so that a copied cookie cannot keep its owner out', async () => {
    const world = createWorld();
    await signOut(world, session(START - 1000));
    world.clock.advance(60_000);
    const fresh = session(START + 30_000);
    expect(await signOut(world, session(START - 1000))).toMatchObject({
      name: SESSION_COOKIE_NAME,
      maxAge: 0,
    });
    expect(await check(world, fresh)).toBe('live');
    await signOut(world, fresh);
    expect(await check(world, fresh)).toBe('session_missing');
  });

  it('only clears the cookie where an administrator closed the account', async () => {
    const world = createWorld();
    await editRow(world.tables, userRow(ALICE), { active: false });
    expect(await signOut(world, session(START))).toMatchObject({ maxAge: 0 });
    expect((await world.store.users.find(ALICE))?.sessionsValidFrom).toBeUndefined();
  });

  it('throws what the store throws', async () => {
    const world = createWorld();
    const store = { users: new UserStore(breakingStore(world.tables, () => true)) };
    await expect(signOut({ store, clock: world.clock }, session(START))).rejects.toMatchObject({
      code: 'storage_unavailable',
    });
  });

  it('costs two reads and one write, also for a person who was never provisioned, and returns the cookie that clears the browser’s', async () => {
    const world = createWorld();
    const requests = await requestsOf(world.tables, async () => {
      expect(await signOut(world, session(START))).toMatchObject({
        name: SESSION_COOKIE_NAME,
        value: '',
        maxAge: 0,
      });
    });
    expect(tally(requests)).toEqual({ 'find LiteLLMUserTable': 2, 'write LiteLLMUserTable': 1 });
  });

  it('clears the cookie without a session, and without a request to the store', async () => {
    const world = createWorld();
    const requests = await requestsOf(world.tables, async () => {
      expect(await signOut(world, undefined)).toMatchObject({ name: SESSION_COOKIE_NAME, maxAge: 0 });
    });
    expect(requests).toEqual([]);
  });

  it('leaves everything else on the person’s row', async () => {
    const world = createWorld();
    await world.refresh();
    await world.provision(message());
    const before = await world.store.users.find(ALICE);
    await signOut(world, session(START));
    const after = await world.store.users.find(ALICE);
    expect(after).toEqual({
      ...before,
      etag: after?.etag,
      sessionsValidFrom: new Date(START).toISOString(),
    });
  });
});

describe('requireLiveSession', () => {
  it('accepts a person whose row does not exist yet', async () => {
    expect(await check(createWorld(), session(START))).toBe('live');
  });

  it('ends every session of an account that an administrator closed', async () => {
    const world = createWorld();
    await editRow(world.tables, userRow(ALICE), { active: false });
    expect(await check(world, session(START + 3600_000))).toBe('account_inactive');
  });

  it('opens it again once the administrator does', async () => {
    const world = createWorld();
    await editRow(world.tables, userRow(ALICE), { active: false });
    await editRow(world.tables, userRow(ALICE), { active: true });
    expect(await check(world, session(START))).toBe('live');
    await dropColumn(world.tables, userRow(ALICE), 'active');
    expect(await check(world, session(START))).toBe('live');
  });

  it('keeps the account closed where its state is unreadable', async () => {
    const world = createWorld();
    await editRow(world.tables, userRow(ALICE), { active: 'no' });
    expect(await check(world, session(START))).toBe('account_inactive');
  });

  it('ends the session where its start of validity is unreadable', async () => {
    const world = createWorld();
    await editRow(world.tables, userRow(ALICE), { sessions_valid_from: 'yesterday' });
    expect(await check(world, session(START))).toBe('session_missing');
  });
});
