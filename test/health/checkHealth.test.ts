import { versionOf } from '../../shared/groups/brake.ts';
import { describe, expect, it } from 'vitest';
import { AppError, type ErrorCode } from '../../shared/model/errors.ts';
import type { HealthDetail, HealthDeps } from '../../shared/health/checkHealth.ts';
import { checkHealth, checkStorage, failingConfiguration } from '../../shared/health/checkHealth.ts';
import type { ProxyReport } from '../../shared/model/litellmProxy.ts';
import { AssignedGroupsStore } from '../../shared/storage/assignedGroupsStore.ts';
import { HeartbeatStore } from '../../shared/storage/heartbeatStore.ts';
import type { Tables } from '../../shared/model/tables.ts';
import { breakingStore, editRow, teamRow } from '../support/handEdits.ts';
import type { World } from '../support/world.ts';
import { PRODUCTION_TEAM, createWorld, readyWorld, sampleRules } from '../support/world.ts';

const AT = '2026-11-23T09:00:00.000Z';

function depsOf(world: World, tables: Tables = world.tables): HealthDeps {
  return {
    store: { assignedGroups: new AssignedGroupsStore(tables) },
    directory: world.refreshDeps.directory,
    queue: { check: async () => undefined },
    clock: world.clock,
    rules: sampleRules(),
    acceptVersion: undefined,
    heartbeats: new HeartbeatStore(tables),
    registered: () => ({ timers: [], queueFunctions: [] }),
  };
}

function failingQueue(code: ErrorCode): HealthDeps['queue'] {
  return { check: async () => Promise.reject(new AppError(code, 'no')) };
}

function proxyReport(changes: Partial<ProxyReport>): ProxyReport {
  return { status: 'ok', version: '1.101.6', tested_range: '1.80.0 to 1.108.0', warnings: [], ...changes };
}

async function healthOf(world: World, tables?: Tables): Promise<HealthDetail> {
  return checkHealth(depsOf(world, tables));
}

describe('checkHealth', () => {
  it('is ok if the store and the directory answer and no list is held back', async () => {
    const world = await readyWorld();
    const { list } = await world.refresh();
    expect(await healthOf(world)).toEqual({
      status: 'ok',
      checked_at: AT,
      configuration: { status: 'ok', faults: [] },
      storage: { status: 'ok' },
      directory: { status: 'ok', assigned_groups: 1 },
      litellm: { status: 'not_configured' },
      functions: { status: 'ok', timers: {}, queues: {} },
      accepted_groups: { version: list.version, accepted_at: AT, checked_at: AT, groups: 1, incomplete: [] },
    });
  });

  it('is failing if the store does not answer, and still reports the directory', async () => {
    const world = await readyWorld();
    const health = await healthOf(
      world,
      breakingStore(world.tables, () => true),
    );
    expect(health).toMatchObject({
      status: 'failing',
      storage: { status: 'failing', error: 'storage_unavailable', failing: 'tables' },
      directory: { status: 'ok' },
    });
    expect(health).not.toHaveProperty('accepted_groups');
  });

  it.each(['storage_refused', 'storage_unavailable'] as const)(
    'is failing if the queue is missing or does not answer (%s), since all sign-ins would fail',
    async (code) => {
      const world = await readyWorld();
      const health = await checkHealth({ ...depsOf(world), queue: failingQueue(code) });
      expect(health).toMatchObject({
        status: 'failing',
        storage: { status: 'failing', error: code, failing: 'queue' },
        accepted_groups: { groups: 1 },
      });
    },
  );

  it('says that the setting can be removed once its list is in force', async () => {
    const world = await readyWorld();
    const { list } = await world.refresh();
    const health = await checkHealth({ ...depsOf(world), acceptVersion: list.version });
    expect(health.accepted_groups?.hint).toContain('accepted; the setting can be removed');
    const other = await checkHealth({ ...depsOf(world), acceptVersion: 'another' });
    expect(other.accepted_groups).not.toHaveProperty('hint');
  });

  it('says what to do if the setting has let such a list pass before', async () => {
    const world = createWorld({ acceptVersion: versionOf([]) });
    for (const assigned of [[PRODUCTION_TEAM], [], [], [PRODUCTION_TEAM], []]) {
      world.assigned = assigned;
      await world.refresh();
    }
    expect((await healthOf(world)).brake?.hint).toMatch(
      /pass once.*remove it, wait for one check, then set it/,
    );
  });

  it('is ok with what the check of a connected proxy says, also with warnings', async () => {
    const report = proxyReport({ warnings: [{ code: 'version_untested', hint: 'x' }] });
    const health = await checkHealth({
      ...depsOf(await readyWorld()),
      litellm: { check: async () => report },
    });
    expect(health).toMatchObject({ status: 'ok', litellm: report });
  });

  it('shows how teams carry the budgets of organizations, only while the proxy has none', async () => {
    const share = { organization_id: 'o', max_budget: 10, teams: 2, carried: 10, other_durations: 0 };
    const readBudgetShares = async () => Promise.resolve([share]);
    for (const state of ['available', 'unlicensed', 'unclear'] as const) {
      const report = proxyReport({ organizations: { state, since: '2026-01-01T00:00:00.000Z' } });
      const deps = {
        ...depsOf(await readyWorld()),
        readBudgetShares,
        litellm: { check: async () => report },
      };
      const { budget_shares: shares } = await checkHealth(deps);
      expect(shares).toEqual(state === 'unlicensed' ? [share] : undefined);
    }
  });

  it.each([
    {
      what: 'a proxy to which no sync would work',
      changes: { status: 'failing', error: 'litellm_unreachable' },
    },
    {
      what: 'an owner of the key whose account is closed',
      changes: { warnings: [{ code: 'own_user_closed', hint: 'x' }] },
    },
  ] as const)('is degraded by $what', async ({ changes }) => {
    const report = proxyReport(changes);
    const health = await checkHealth({
      ...depsOf(await readyWorld()),
      litellm: { check: async () => report },
    });
    expect(health).toMatchObject({ status: 'degraded', litellm: report });
  });

  it('is degraded if the proxy’s row cannot be read or written', async () => {
    const check = async (): Promise<ProxyReport> => Promise.reject(new AppError('storage_unavailable', 'no'));
    const health = await checkHealth({ ...depsOf(await readyWorld()), litellm: { check } });
    expect(health).toMatchObject({
      status: 'degraded',
      litellm: { status: 'failing', error: 'storage_unavailable' },
    });
  });

  it.each([
    {
      code: 'directory_permission_missing',
      hint: /permission Application\.Read\.All \(admin consent\)/,
    },
    { code: 'credential_refused', hint: /secret.*federated credential/ },
    { code: 'directory_unreachable', hint: /all others use the accepted list/ },
    { code: 'microsoft_unreachable', hint: /all others use the accepted list/ },
  ] as const)('is degraded and says what to do: $code', async ({ code, hint }) => {
    const world = await readyWorld();
    world.assigned = new AppError(code, 'no');
    const health = await healthOf(world);
    expect(health).toMatchObject({ status: 'degraded', directory: { status: 'failing', error: code } });
    expect(health.directory.hint).toMatch(hint);
    expect(health.accepted_groups?.groups).toBe(1);
  });

  it('is degraded while the brake is on, and says by which version to accept the list', async () => {
    const world = await readyWorld();
    world.assigned = [];
    const { list } = await world.refresh();
    const version = list.heldBack?.version ?? '';
    const health = await healthOf(world);
    expect(health).toMatchObject({
      status: 'degraded',
      brake: { version, heldBackAt: AT, groupCount: 0, lostCount: 1, lostIds: [PRODUCTION_TEAM.id] },
    });
    expect(health.brake?.hint).toContain(`ASSIGNED_GROUPS_ACCEPT=${version}`);
    expect(health.brake?.hint).toContain('lost 1 ');
  });

  it('names the groups whose team is missing or unreadable', async () => {
    const world = createWorld({ assigned: [PRODUCTION_TEAM, { id: 'other', displayName: 'Other' }] });
    await editRow(world.tables, teamRow(PRODUCTION_TEAM.id), { models: 'x' });
    await world.refresh();
    expect((await healthOf(world)).accepted_groups?.incomplete).toEqual([PRODUCTION_TEAM.id]);
  });

  it('does not ask a directory that is not configured', async () => {
    const world = createWorld();
    const health = await checkHealth({
      ...depsOf(world),
      rules: sampleRules({ assignedGroupsAreKnown: false }),
    });
    expect(health).toMatchObject({ status: 'ok', directory: { status: 'not_configured' } });
    expect(world.directoryReads).toBe(0);
  });

  it('names a group without its organization only while groups become organizations', async () => {
    const world = createWorld({ rules: sampleRules({ groupsAlsoCreateOrgs: false }) });
    await world.refresh();
    const off = await checkHealth({ ...depsOf(world), rules: sampleRules({ groupsAlsoCreateOrgs: false }) });
    expect(off.accepted_groups?.incomplete).toEqual([]);
    expect((await healthOf(world)).accepted_groups?.incomplete).toEqual([PRODUCTION_TEAM.id]);
  });

  it('is degraded until a first list is accepted, since every message waits', async () => {
    const health = await healthOf(createWorld());
    expect(health).not.toHaveProperty('accepted_groups');
    expect(health.status).toBe('degraded');
    expect(health.storage).toEqual({ status: 'ok' });
  });

  it('quotes no error text, which might contain a secret', async () => {
    const world = await readyWorld();
    world.assigned = new Error('client_secret=hunter2');
    expect(JSON.stringify(await healthOf(world))).not.toContain('hunter2');
  });
});

describe('the functions in the health detail', () => {
  const registered = () => ({
    timers: [
      { name: 'hourly', periodSeconds: 3600 },
      { name: 'new', periodSeconds: 600 },
    ],
    queueFunctions: [
      { name: 'work', queueName: 'jobs' },
      { name: 'idle', queueName: 'others' },
    ],
  });

  it('are those that are registered: timers with their age, queue functions with their last success', async () => {
    const world = await readyWorld();
    const heartbeats = new HeartbeatStore(world.tables);
    await heartbeats.recordTimer('hourly', world.clock.now());
    await heartbeats.recordTimer('removed', world.clock.now());
    await heartbeats.recordQueueFunction('work', world.clock.now(), undefined);
    world.clock.advance(2 * 3600 * 1000);
    const onTime = await checkHealth({ ...depsOf(world), registered });
    world.clock.advance(1000);
    const late = await checkHealth({ ...depsOf(world), registered });
    expect(onTime.functions.timers?.['hourly']).toMatchObject({ age_seconds: 7200, late: false });
    expect(late.functions).toEqual({
      status: 'ok',
      timers: {
        hourly: { succeeded_at: AT, age_seconds: 7201, period_seconds: 3600, late: true },
        new: { age_seconds: 0, period_seconds: 600, late: false },
      },
      queues: { work: { queue: 'jobs', succeeded_at: AT }, idle: { queue: 'others' } },
    });
  });

  it('make it degraded if their rows cannot be read', async () => {
    const world = await readyWorld();
    const heartbeats = {
      read: async () => Promise.reject(new AppError('storage_refused', 'no such table')),
    };
    const health = await checkHealth({ ...depsOf(world), heartbeats });
    expect(health.functions).toEqual({ status: 'failing', error: 'storage_refused' });
    expect(health.status).toBe('degraded');
  });
});

describe('checkStorage', () => {
  it('returns whether the store answers', async () => {
    const world = await readyWorld();
    expect(await checkStorage(depsOf(world))).toBe(true);
    expect(await checkStorage({ ...depsOf(world), queue: failingQueue('storage_refused') })).toBe(false);
    expect(
      await checkStorage(
        depsOf(
          world,
          breakingStore(world.tables, () => true),
        ),
      ),
    ).toBe(false);
  });
});

describe('failingConfiguration', () => {
  it('names every fault and checks nothing else', () => {
    expect(failingConfiguration(['MICROSOFT_TENANT: missing'], new Date(AT))).toEqual({
      status: 'failing',
      checked_at: AT,
      configuration: { status: 'failing', faults: ['MICROSOFT_TENANT: missing'] },
      storage: { status: 'not_checked' },
      directory: { status: 'not_checked' },
      litellm: { status: 'not_checked' },
      functions: { status: 'not_checked' },
    });
  });
});
