import { describe, expect, it } from 'vitest';
import { ProxyState } from '../../shared/litellm/proxyState.ts';
import { ProxyRecord } from '../../shared/storage/proxyRecord.ts';
import { TABLES } from '../../shared/storage/tables/tableNames.ts';
import { AppError } from '../../shared/model/errors.ts';
import { editRow, userRow } from '../support/handEdits.ts';
import { MemoryLitellm, unreachable } from '../support/memoryLitellm.ts';
import { ALICE, createWorld, message, type World } from '../support/world.ts';

const MINUTE_MS = 60_000;

interface Scene {
  readonly world: World;
  readonly litellm: MemoryLitellm;
  readonly state: ProxyState;
  /** Another instance, with its own memory. */
  other(this: void): ProxyState;
  /** The methods called since the last look. */
  called(this: void): readonly string[];
}

function createScene(keyUserId?: string): Scene {
  const world = createWorld();
  const litellm = new MemoryLitellm(keyUserId === undefined ? {} : { keyUserId });
  const other = (): ProxyState =>
    new ProxyState({
      litellm,
      record: new ProxyRecord(world.tables, 'https://litellm.company.com/'),
      users: world.store.users,
      clock: world.clock,
    });
  const called = (): readonly string[] => litellm.calls.splice(0).map(({ method }) => method);
  return { world, litellm, state: other(), other, called };
}

const failing = (error: AppError, method: string) => (_number: number, call: { readonly method: string }) =>
  call.method === method ? { when: 'before' as const, error } : undefined;

describe('read', () => {
  it('asks a new proxy once, and all instances know it then', async () => {
    const { state, other, called, litellm } = createScene('entra-provisioning');
    litellm.version = '1.84.10';
    const known = {
      version: '1.84.10',
      isTested: true,
      isUnsafe: false,
      ownUserId: 'entra-provisioning',
      organizations: 'available',
    };
    await expect(state.read()).resolves.toEqual(known);
    expect(called()).toEqual(['findVersion', 'findOwnUser', 'checkRights']);
    await expect(other().read()).resolves.toEqual(known);
    expect(called()).toEqual([]);
  });

  it('costs no request to the store for a minute, and one read afterwards', async () => {
    const { state, world, called } = createScene();
    await state.read();
    world.tables.forgetRequests();
    await Promise.all([state.read(), state.read()]);
    expect(world.tables.requests()).toEqual([]);
    world.clock.advance(MINUTE_MS);
    called();
    await Promise.all([state.read(), state.read()]);
    expect(world.tables.requests()).toHaveLength(1);
    expect(called()).toEqual([]);
  });

  it('reads the version again after an hour, and keeps it if the proxy does not answer', async () => {
    const { state, world, litellm, called } = createScene();
    await state.read();
    litellm.version = '1.108.0';
    world.clock.advance(30 * MINUTE_MS);
    expect((await state.read()).version).toBe('1.101.6');
    called();
    world.clock.advance(30 * MINUTE_MS);
    litellm.faults = failing(unreachable(), 'findVersion');
    expect((await state.read()).version).toBe('1.101.6');
    litellm.faults = () => undefined;
    world.clock.advance(MINUTE_MS);
    expect((await state.read()).version).toBe('1.108.0');
    expect(called()).toEqual(['findVersion', 'findVersion', 'findOwnUser']);
  });

  it('throws if nobody knows the version yet and the proxy does not answer: it could be an unsafe one', async () => {
    const { state, litellm, called } = createScene();
    litellm.faults = failing(unreachable(), 'findVersion');
    await expect(state.read()).rejects.toMatchObject({ code: 'litellm_unreachable' });
    expect(called()).toEqual(['findVersion']);
    litellm.faults = () => undefined;
    await expect(state.read()).resolves.toMatchObject({ version: '1.101.6' });
  });

  it('goes on without a version if the proxy cannot describe its API', async () => {
    const { state, litellm } = createScene();
    const error = new AppError('litellm_unreachable', 'no', { retryable: true, details: { status: 500 } });
    litellm.faults = failing(error, 'findVersion');
    const known = await state.read();
    expect(known).toMatchObject({ isTested: false, isUnsafe: false, organizations: 'available' });
    expect(known).not.toHaveProperty('version');
  });

  it('sends an unsafe proxy nothing else, and looks again each 10 minutes until it was replaced', async () => {
    const { state, world, litellm, called } = createScene();
    litellm.version = '1.82.8';
    await expect(state.read()).resolves.toMatchObject({ isUnsafe: true });
    world.clock.advance(5 * MINUTE_MS);
    await state.read();
    expect(called()).toEqual(['findVersion']);
    world.clock.advance(5 * MINUTE_MS);
    // It may be the same proxy.
    litellm.version = undefined;
    await expect(state.read()).resolves.toMatchObject({ isUnsafe: true, version: '1.82.8' });
    world.clock.advance(10 * MINUTE_MS);
    litellm.version = '1.84.10';
    await expect(state.read()).resolves.toMatchObject({ isUnsafe: false, organizations: 'available' });
    expect(called()).toEqual(['findVersion', 'findVersion', 'findOwnUser', 'checkRights']);
  });

  it('reads everything again if an edit damaged the row', async () => {
    const { state, world, other, called } = createScene();
    await state.read();
    const [row] = await world.tables.read(TABLES.syncedEntities, { partitionKey: 'proxy' });
    if (row === undefined) throw new Error('No row.');
    await editRow(world.tables, { table: TABLES.syncedEntities, key: row }, { organizations: '{' });
    called();
    await expect(other().read()).resolves.toMatchObject({ organizations: 'available' });
    expect(called()).toEqual(['findVersion', 'findOwnUser', 'checkRights']);
  });

  it('keeps what another instance wrote first', async () => {
    const { world, litellm, other } = createScene();
    const [one, two] = [other(), other()];
    await Promise.all([one.read(), two.read()]);
    expect(await world.tables.read(TABLES.syncedEntities, { partitionKey: 'proxy' })).toHaveLength(1);
    litellm.hasOrganizations = false;
    await expect(one.read()).resolves.toMatchObject({ organizations: 'available' });
  });
});

describe('noteOrganizations', () => {
  it('is unclear once the proxy contradicts, and believed after three notes in 30 minutes, by any instance', async () => {
    const { state, other, world } = createScene();
    await state.read();
    const instances = [state, other(), other()];
    const seen: string[] = [];
    for (const instance of instances) {
      await instance.noteOrganizations('unlicensed');
      seen.push((await instance.read()).organizations);
      world.clock.advance(15 * MINUTE_MS);
    }
    expect(seen).toEqual(['unclear', 'unclear', 'unlicensed']);
  });

  it('writes nothing if it agrees, and clears what contradicted', async () => {
    const { state, world } = createScene();
    await state.read();
    world.tables.forgetRequests();
    await state.noteOrganizations('available');
    expect(world.tables.requests()).toEqual([]);
    await state.noteOrganizations('unlicensed');
    await state.noteOrganizations('available');
    await expect(state.read()).resolves.toMatchObject({ organizations: 'available' });
  });
});

describe('check', () => {
  it('sees a licence end and come back, over 30 minutes each', async () => {
    const { state, world, litellm } = createScene();
    const states: (string | undefined)[] = [];
    for (let minute = 0; minute <= 100; minute += 10) {
      litellm.hasOrganizations = minute < 10 || minute >= 60;
      states.push((await state.check()).organizations?.state);
      world.clock.advance(10 * MINUTE_MS);
    }
    const change = ['unclear', 'unclear', 'unclear'];
    expect(states).toEqual([
      'available',
      ...change,
      'unlicensed',
      'unlicensed',
      ...change,
      'available',
      'available',
    ]);
  });

  it.each([
    'litellm_key_refused',
    'litellm_right_missing',
    'litellm_answer_invalid',
    'litellm_unreachable',
  ] as const)('says what to do about %s, and leaves the belief alone', async (code) => {
    const { state, litellm } = createScene();
    await state.check();
    litellm.faults = failing(new AppError(code, 'no', { retryable: true }), 'checkRights');
    const report = await state.check();
    expect(report).toMatchObject({ status: 'failing', error: code, organizations: { state: 'available' } });
    expect(report.hint).toMatch(/operator of (this service|the proxy)/);
    litellm.faults = () => undefined;
    await expect(state.check()).resolves.toMatchObject({ status: 'ok' });
  });

  it('is a fault with an unsafe version, which is not checked further', async () => {
    const { state, litellm, called } = createScene();
    litellm.version = '1.107.0';
    const report = await state.check();
    expect(report).toMatchObject({
      status: 'failing',
      error: 'litellm_version_unsafe',
      version: '1.107.0',
      warnings: [],
    });
    expect(report.hint).toMatch(/replaces the proxy.*then replaces its master key/);
    await state.check();
    expect(called()).toEqual(['findVersion']);
  });

  it.each([
    { version: '1.79.0', codes: ['version_untested'] },
    { version: '1.110.2', codes: ['version_untested'] },
    { version: undefined, codes: ['version_unknown'] },
    { version: '1.80.0', codes: [] },
  ])('warns about version $version: $codes', async ({ version, codes }) => {
    const { state, litellm } = createScene();
    litellm.version = version;
    const report = await state.check();
    expect(report.status).toBe('ok');
    expect(report.warnings.map(({ code }) => code)).toEqual(codes);
  });

  it.each([
    { users: 4, version: '1.101.6', hasOrganizations: true, isWarned: false },
    { users: 5, version: '1.101.6', hasOrganizations: true, isWarned: true },
    { users: 5, version: '1.108.0', hasOrganizations: true, isWarned: false },
    { users: 7, version: '1.108.0', hasOrganizations: false, isWarned: true },
    { users: 5, version: undefined, hasOrganizations: true, isWarned: true },
  ])('warns of five users unless a licence is known: $users, $version, $hasOrganizations', async (given) => {
    const { state, litellm } = createScene();
    Object.assign(litellm, { version: given.version, hasOrganizations: given.hasOrganizations });
    for (let count = 0; count < given.users; count += 1) litellm.users.set(`user-${count}`, {});
    const { warnings } = await state.check();
    const hints = warnings.flatMap(({ code, hint }) => (code === 'five_users' ? [hint] : []));
    const expected: unknown = expect.stringContaining(`LiteLLM has ${given.users} users`);
    expect(hints).toEqual(given.isWarned ? [expected] : []);
  });

  it.each([
    { people: 5, isWarned: false },
    { people: 6, isWarned: true },
  ])(
    'warns before a load of $people people would pass five users: $isWarned',
    async ({ people, isWarned }) => {
      const { state, world } = createScene();
      await world.refresh();
      for (let count = 0; count < people; count += 1) {
        const id = `person-${count}`;
        await world.provision(message({ userId: id, email: `${id}@company.com` }));
      }
      const { warnings } = await state.check();
      const hint: unknown = expect.stringContaining('A sync of everyone who is provisioned passes 5.');
      expect(warnings).toEqual(isWarned ? [{ code: 'five_users', hint }] : []);
    },
  );

  it('says once that organizations need a licence, with since', async () => {
    const { state, litellm, world } = createScene();
    Object.assign(litellm, { version: '1.108.0', hasOrganizations: false });
    const since = world.clock.now().toISOString();
    await state.check();
    world.clock.advance(10 * MINUTE_MS);
    const { organizations, warnings } = await state.check();
    expect(organizations).toEqual({ state: 'unlicensed', since });
    expect(warnings.map(({ code }) => code)).toEqual(['organizations_unlicensed']);
  });

  it('warns if the owner of the key is a person whose account is closed', async () => {
    const { state, world } = createScene(ALICE);
    await world.refresh();
    await world.provision(message({ userId: ALICE }));
    expect((await state.check()).warnings).toEqual([]);
    await editRow(world.tables, userRow(ALICE), { active: false });
    expect((await state.check()).warnings).toMatchObject([{ code: 'own_user_closed' }]);
  });
});

describe('findReport', () => {
  it('returns what another instance found, with one read and no request to the proxy', async () => {
    const { state, other, world, called } = createScene();
    await expect(other().findReport()).resolves.toBeUndefined();
    const report = await state.check();
    called();
    world.tables.forgetRequests();
    await expect(other().findReport()).resolves.toEqual(report);
    expect(world.tables.requests()).toHaveLength(1);
    expect(called()).toEqual([]);
  });
});
