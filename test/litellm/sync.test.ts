import { beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../../shared/model/errors.ts';
import { provisionUser } from '../../shared/provisioning/provisionUser.ts';
import { sync } from '../../shared/litellm/sync.ts';
import { parseSyncMessage } from '../../shared/queue/queueMessage.ts';
import { ALICE, BOB, message, PRODUCTION_TEAM, sampleRules } from '../support/world.ts';
import { createSyncWorld, type SyncWorld } from '../support/syncWorld.ts';
import { refused, unreachable } from '../support/memoryLitellm.ts';

const { id } = PRODUCTION_TEAM;
const person = { kind: 'user', id: ALICE } as const;

let on: SyncWorld;

beforeEach(async () => {
  on = createSyncWorld();
  await on.refresh();
});

/** Alice signs in, and everything is synced. */
async function signIn(options: Parameters<typeof message>[0] = {}): Promise<void> {
  await on.provision(message(options));
  await on.drain();
}

const membersOf = (entity: { members: ReadonlyMap<string, string> } | undefined): unknown =>
  Object.fromEntries(entity?.members ?? []);

describe("the product's own example", () => {
  it('reaches LiteLLM: the organization with its budget, the team that follows it, both people', async () => {
    await signIn();
    await signIn({ userId: BOB });
    expect(on.litellm.organizations.get(id)?.values).toEqual({
      organization_alias: 'Production Team',
      models: ['gpt-4', 'gpt-3.5-turbo'],
      max_budget: 1000,
      budget_duration: '30d',
    });
    expect(on.litellm.teams.get(id)?.values).toEqual({
      team_alias: 'Production Team',
      organization_id: id,
      models: ['gpt-4', 'gpt-3.5-turbo'],
    });
    expect(membersOf(on.litellm.organizations.get(id))).toEqual({
      [ALICE]: 'internal_user',
      [BOB]: 'internal_user',
    });
    expect(membersOf(on.litellm.teams.get(id))).toEqual({ [ALICE]: 'user', [BOB]: 'user' });
    expect(on.litellm.users.get(ALICE)).toMatchObject({
      user_email: 'alice@company.com',
      user_alias: 'Alice Anderson',
      user_role: 'internal_user_viewer',
    });
    expect(on.litellm.stowaways).toEqual([]);
  });

  it("follows when the organization's list changes", async () => {
    await signIn();
    const { tables } = on.world;
    const row = (await tables.read('LiteLLMOrganizationTable', {})).find(({ rowKey }) => rowKey === id);
    if (row === undefined) throw new Error('There is no row.');
    const { partitionKey, rowKey } = row;
    const properties = { models: JSON.stringify(['gpt-5']) };
    await tables.write('LiteLLMOrganizationTable', {
      kind: 'merge',
      key: { partitionKey, rowKey },
      properties,
      etag: '*',
    });
    await on.sync({ kind: 'team', id });
    expect(on.litellm.organizations.get(id)?.values.models).toEqual(['gpt-5']);
    expect(on.litellm.teams.get(id)?.values.models).toEqual(['gpt-5']);
  });
});

describe('leaving a group', () => {
  it('ends both memberships in LiteLLM, but not one that was added there', async () => {
    await signIn();
    on.litellm.teams.set('by-hand', {
      values: { team_alias: 'By hand', models: [] },
      members: new Map([[ALICE, 'user']]),
    });
    on.world.clock.advance(60_000);
    await signIn({ groups: [], second: 60 });
    expect(membersOf(on.litellm.teams.get(id))).toEqual({});
    expect(membersOf(on.litellm.organizations.get(id))).toEqual({});
    expect(membersOf(on.litellm.teams.get('by-hand'))).toEqual({ [ALICE]: 'user' });
  });

  it('keeps a membership that LiteLLM had before this product wanted it', async () => {
    await on.drain();
    on.litellm.users.set(ALICE, { user_role: 'internal_user' });
    const team = on.litellm.teams.get(id);
    on.litellm.teams.set(id, {
      values: team?.values ?? { team_alias: '', models: [] },
      members: new Map([[ALICE, 'admin']]),
    });
    await signIn();
    await signIn({ groups: [], second: 60 });
    expect(membersOf(on.litellm.teams.get(id))).toEqual({ [ALICE]: 'admin' });
    expect(membersOf(on.litellm.organizations.get(id))).toEqual({});
  });
});

describe('a value in LiteLLM', () => {
  it('that was changed there stays and is reported, while everything else is synced', async () => {
    await signIn();
    await on.litellm.updateOrganization(id, { max_budget: 5 });
    const { reported } = await on.sync(person);
    expect(on.litellm.organizations.get(id)?.values.max_budget).toBe(5);
    expect(reported).toContainEqual({ kind: 'organization', id, code: 'differs', detail: 'max_budget' });
  });

  it('of an organization that was created there stays, and the organization gets the members', async () => {
    const values = { organization_alias: 'Theirs', models: ['gpt-9'], max_budget: 7 };
    on.litellm.organizations.set(id, { values, members: new Map() });
    await signIn();
    expect(on.litellm.organizations.get(id)?.values).toEqual(values);
    expect(membersOf(on.litellm.organizations.get(id))).toEqual({ [ALICE]: 'internal_user' });
  });
});

describe('requests to LiteLLM', () => {
  it.each([
    ['teams alone', false, 1],
    ['teams alone', false, 20],
    ['teams in organizations that carry them', true, 1],
    ['teams in organizations that carry them', true, 20],
  ] as const)(
    'are at most 2 + 3G for memberships alone: %s, flag %s, G = %i',
    async (_title, flag, count) => {
      const groups = Array.from({ length: count }, (_value, index) => ({
        id: `group-${String(index).padStart(2, '0')}`,
        displayName: `Group ${index}`,
      }));
      on = createSyncWorld({
        rules: sampleRules({ groupsAlsoCreateOrgs: flag }),
        assigned: groups,
        litellm: { organizationsCarryTeams: true },
      });
      await on.refresh();
      await on.drain();
      // With a role of their own, the person is in LiteLLM before the memberships.
      const appRoles = ['internal_user'];
      await on.provision(message({ groups: [], appRoles }));
      await on.drain();
      await on.provision(message({ groups: groups.map((group) => group.id), appRoles, second: 60 }));
      on.litellm.calls.length = 0;
      await on.drain();
      expect(on.litellm.calls).toHaveLength(flag ? 1 + 3 * count : 1 + 2 * count);
      expect(on.litellm.calls.length).toBeLessThanOrEqual(2 + 3 * count);

      on.litellm.calls.length = 0;
      await on.sync(person);
      expect(on.litellm.writes).toEqual([]);
      expect(on.litellm.calls).toHaveLength(1 + count);
    },
  );
});

describe('the request for a sync', () => {
  it('is made once for a person whose run changed something, before the run is finished', async () => {
    await on.drain();
    await on.provision(message());
    expect(on.waiting.map(({ text }) => parseSyncMessage(text).subject)).toEqual([person]);
  });

  it('is not made for an unchanged repeat', async () => {
    await signIn();
    await on.provision(message({ second: 60 }));
    expect(on.waiting).toEqual([]);
  });

  it('is made again after a run that died between its writes and its finish', async () => {
    await on.drain();
    const { tables } = on.world;
    let userWrites = 0;
    const dying = {
      ...tables,
      write: async (...args: Parameters<typeof tables.write>) => {
        // The second write of the user's row is the finish.
        if (args[0].includes('User') && (userWrites += 1) === 2) throw new Error('died');
        return tables.write(...args);
      },
    };
    const requests = { queue: on.deps.queue, clock: on.world.clock, traceparent: () => undefined };
    const entry = message();
    const died = provisionUser({ ...on.world.worker(dying), sync: requests }, entry, {
      attempt: 1,
      isLastAttempt: false,
    });
    await expect(died).rejects.toThrow('died');
    on.waiting.length = 0;
    await on.provision(entry);
    expect(on.waiting.map(({ text }) => parseSyncMessage(text).subject)).toEqual([person]);
  });

  it('is made for a person with a new name', async () => {
    await signIn();
    await on.provision(message({ second: 60, name: 'Alice Married' }));
    await on.drain();
    expect(on.litellm.users.get(ALICE)?.user_alias).toBe('Alice Married');
  });

  it('is made for every team that the timer creates, and for no existing team', async () => {
    expect(on.waiting.map(({ text }) => parseSyncMessage(text).subject)).toEqual([{ kind: 'team', id }]);
    on.waiting.length = 0;
    await on.refresh();
    expect(on.waiting).toEqual([]);
  });
});

describe('a proxy that does not answer', () => {
  it('makes the message wait, longer each time, and the person can see it', async () => {
    await on.drain();
    on.litellm.faults = () => ({ when: 'before', error: unreachable() });
    await on.provision(message());
    const delays: number[] = [];
    for (let tries = 0; tries < 4; tries += 1) {
      const next = on.waiting.shift();
      if (next === undefined) throw new Error('Nothing waits.');
      await sync(on.deps, parseSyncMessage(next.text), { attempt: 1 });
      delays.push(on.waiting[0]?.delaySeconds ?? 0);
    }
    expect(delays).toEqual([...delays].sort((a, b) => a - b));
    expect(delays[0]).toBeGreaterThanOrEqual(15);
    expect(delays[3]).toBeGreaterThanOrEqual(120);
    expect((await on.deps.record.readPerson(ALICE)).outcome).toMatchObject({
      status: 'waiting',
      reason: 'litellm_unreachable',
      attempts: 4,
    });
    on.litellm.faults = () => undefined;
    await on.drain();
    expect(membersOf(on.litellm.teams.get(id))).toEqual({ [ALICE]: 'user' });
  });

  it('can say how long to wait', async () => {
    await on.drain();
    const busy = new AppError('litellm_unreachable', 'Too many.', {
      retryable: true,
      details: { status: 429, retryAfterSeconds: 600 },
    });
    on.litellm.faults = () => ({ when: 'before', error: busy });
    await on.provision(message());
    on.waiting.length = 0;
    await on.sync(person);
    expect(on.waiting[0]?.delaySeconds).toBeGreaterThanOrEqual(600);
  });

  it('ends the wait after 24 hours', async () => {
    on.litellm.faults = () => ({ when: 'before', error: unreachable() });
    const since = on.world.clock.now().toISOString();
    on.world.clock.advance(24 * 60 * 60 * 1000);
    const old = { version: 1, subject: person, waiting: { since, tries: 30 } } as const;
    await on.provision(message());
    await expect(sync(on.deps, old, { attempt: 1 })).rejects.toMatchObject({ code: 'waited_too_long' });
    expect((await on.deps.record.readPerson(ALICE)).outcome).toMatchObject({ reason: 'waited_too_long' });
  });

  it('keeps every other sync waiting while a write without an answer may still take effect', async () => {
    await on.drain();
    await on.provision(message());
    on.waiting.length = 0;
    on.litellm.faults = (_number, call) =>
      call.method === 'addTeamMember' ? { when: 'after', error: unreachable(true) } : undefined;
    expect((await on.sync(person)).status).toBe('waiting');
    on.litellm.faults = () => undefined;
    on.waiting.length = 0;
    expect(await on.sync(person)).toMatchObject({ status: 'waiting', reason: 'sync_overtaken' });
    on.world.clock.advance(70_000);
    expect((await on.sync(person)).status).toBe('done');
    expect(membersOf(on.litellm.teams.get(id))).toEqual({ [ALICE]: 'user' });
  });
});

describe('an unfinished run', () => {
  it('is waited for, because it writes the limits of a new user last', async () => {
    on = createSyncWorld({
      rules: sampleRules({ defaultUserParams: { models: ['gpt-4'], max_budget: 10 } }),
    });
    await on.refresh();
    await on.drain();
    const results: (string | undefined)[] = [];
    const eager = {
      enqueue: async (text: string, options?: { readonly delaySeconds?: number }): Promise<void> => {
        await on.deps.queue.enqueue(text, options);
        const { reason } = await sync(on.deps, parseSyncMessage(text), { attempt: 1 });
        results.push(reason);
      },
    };
    const requests = { queue: eager, clock: on.world.clock, traceparent: () => undefined };
    await provisionUser({ ...on.world.provisionDeps, sync: requests }, message(), {
      attempt: 1,
      isLastAttempt: false,
    });
    expect(results).toEqual(['sync_overtaken']);
    expect(on.litellm.users.has(ALICE)).toBe(false);
    await on.drain();
    expect(on.litellm.users.get(ALICE)).toMatchObject({ max_budget: 10, models: ['gpt-4'] });
  });

  it('is synced as it is after it must have died', async () => {
    await on.drain();
    await on.provision(message());
    on.waiting.length = 0;
    const row = (await on.world.tables.read('LiteLLMUserTable', { partitionKey: ALICE }))[0];
    if (row === undefined) throw new Error('There is no row.');
    const { partitionKey, rowKey } = row;
    const state = { run_state: 'applying', run_report: '' };
    expect(Object.keys(row.properties)).toEqual(expect.arrayContaining(Object.keys(state)));
    await on.world.tables.write('LiteLLMUserTable', {
      kind: 'merge',
      key: { partitionKey, rowKey },
      properties: state,
      etag: '*',
    });
    expect(await on.sync(person)).toMatchObject({ status: 'waiting', reason: 'sync_overtaken' });
    const since = on.world.clock.now().toISOString();
    on.world.clock.advance(6 * 60_000);
    const late = { version: 1, subject: person, waiting: { since, tries: 0 } } as const;
    expect(await sync(on.deps, late, { attempt: 1 })).toMatchObject({ status: 'done' });
  });
});

describe('an organization that was created in LiteLLM', () => {
  it('decides about the models of its teams', async () => {
    const values = { organization_alias: 'Theirs', models: ['gpt-4'] };
    on.litellm.organizations.set(id, { values, members: new Map() });
    await signIn();
    expect(on.litellm.teams.get(id)?.values.models).toEqual(['gpt-4']);
    expect(membersOf(on.litellm.teams.get(id))).toEqual({ [ALICE]: 'user' });
  });
});

describe('one broken organization', () => {
  it('does not keep the person in another one', async () => {
    on = createSyncWorld({ assigned: [PRODUCTION_TEAM, { id: 'other', displayName: 'Other' }] });
    await on.refresh();
    await signIn({ groups: [id, 'other'] });
    const broken = new AppError('litellm_unreachable', 'It broke.', {
      retryable: true,
      details: { status: 500 },
    });
    on.litellm.faults = (_number, call) =>
      call.method === 'findOrganization' && call.ids[0] === id
        ? { when: 'before', error: broken }
        : undefined;
    await on.provision(message({ groups: [id], second: 60 }));
    const waiting = on.waiting.splice(0);
    const [next] = waiting;
    if (next === undefined) throw new Error('Nothing waits.');
    const result = await sync(on.deps, parseSyncMessage(next.text), { attempt: 1 });
    expect(result).toMatchObject({ status: 'waiting', reason: 'litellm_unreachable' });
    expect(membersOf(on.litellm.teams.get('other'))).toEqual({});
    expect(membersOf(on.litellm.organizations.get('other'))).toEqual({});
    expect(membersOf(on.litellm.teams.get(id))).toEqual({ [ALICE]: 'user' });
  });
});

describe('an intent that came to nothing', () => {
  it('is taken back, so that a membership added in LiteLLM later stays', async () => {
    on = createSyncWorld({
      assigned: [PRODUCTION_TEAM, { id: 'other', displayName: 'Other' }],
      rules: sampleRules({ groupsAlsoCreateOrgs: false }),
    });
    await on.refresh();
    await on.drain();
    await on.provision(message({ groups: [id, 'other'] }));
    on.waiting.length = 0;
    on.litellm.faults = (_number, call) =>
      call.method === 'addTeamMember' ? { when: 'before', error: unreachable() } : undefined;
    expect((await on.sync(person)).status).toBe('waiting');
    on.litellm.faults = () => undefined;
    const team = on.litellm.teams.get('other');
    if (team === undefined) throw new Error('There is no team.');
    team.members = new Map([[ALICE, 'user']]);
    on.waiting.length = 0;
    await signIn({ groups: [], second: 60 });
    expect(membersOf(team)).toEqual({ [ALICE]: 'user' });
  });
});

describe('a refusal', () => {
  it('of one thing does not stop the rest, is recorded, and is final', async () => {
    on = createSyncWorld({
      assigned: [PRODUCTION_TEAM, { id: 'other', displayName: 'Other' }],
      rules: sampleRules({ groupsAlsoCreateOrgs: false }),
    });
    await on.refresh();
    await on.drain();
    await on.provision(message({ groups: [id, 'other'] }));
    on.waiting.length = 0;
    on.litellm.faults = (_number, call) =>
      call.method === 'addTeamMember' && call.ids[0] === id
        ? { when: 'before', error: refused(403) }
        : undefined;
    await expect(on.sync(person)).rejects.toMatchObject({
      code: 'litellm_refused',
      details: { refusedCount: 1, refused: [`team ${id} (403)`] },
    });
    expect(membersOf(on.litellm.teams.get('other'))).toEqual({ [ALICE]: 'user' });
    const recorded = await on.deps.record.readPerson(ALICE);
    expect(recorded.outcome).toMatchObject({
      status: 'failed',
      reason: 'litellm_refused',
      reported: [{ kind: 'team', id, code: 'refused', detail: '403' }],
    });
    // What an administrator adds in LiteLLM now is not ours.
    expect(recorded.teams.has(id)).toBe(false);
  });

  it('of an organization is recorded, and nothing inside it is tried', async () => {
    await on.provision(message());
    on.waiting.length = 0;
    on.litellm.faults = (_number, call) =>
      call.method === 'createOrganization' ? { when: 'before', error: refused(403) } : undefined;
    // Its own message fails, once for all of its members.
    expect((await on.sync(person)).reported).toContainEqual({
      kind: 'organization',
      id,
      code: 'refused',
      detail: '403',
    });
    expect((await on.deps.record.readPerson(ALICE)).outcome).toMatchObject({ status: 'failed' });
    expect(on.litellm.calls.some(({ method }) => method === 'createTeam')).toBe(false);
    expect(on.litellm.users.has(ALICE)).toBe(true);
  });

  it('of a team without members is final too', async () => {
    on.litellm.faults = (_number, call) =>
      call.method === 'createTeam' ? { when: 'before', error: refused(403) } : undefined;
    await expect(on.sync({ kind: 'team', id })).rejects.toMatchObject({
      code: 'litellm_refused',
      details: { refused: [`team ${id} (403)`] },
    });
    expect(on.litellm.organizations.has(id)).toBe(true);
  });

  it('of the email is final, and no membership creates a half-empty user', async () => {
    on.litellm.users.set('somebody-else', { user_email: 'alice@company.com' });
    await on.drain();
    await on.provision(message());
    on.waiting.length = 0;
    await expect(on.sync(person)).rejects.toMatchObject({ code: 'litellm_email_taken' });
    expect(on.litellm.users.has(ALICE)).toBe(false);
    expect(membersOf(on.litellm.teams.get(id))).toEqual({});
  });

  it('of a role without a licence leads to the lesser role and a report, and is not tried again', async () => {
    await signIn();
    const { tables } = on.world;
    await tables.write('LiteLLMTeamMembership', {
      kind: 'merge',
      key: { partitionKey: ALICE, rowKey: id },
      properties: { role: 'admin' },
      etag: '*',
    });
    const first = await on.sync(person);
    expect(first.reported).toContainEqual({ kind: 'team', id, code: 'role_needs_licence' });
    on.litellm.calls.length = 0;
    const second = await on.sync(person);
    expect(second.reported).toEqual(first.reported);
    expect(on.litellm.writes).toEqual([]);
    expect(membersOf(on.litellm.teams.get(id))).toEqual({ [ALICE]: 'user' });
  });
});

describe('unknown', () => {
  it("is not empty: without the person's row nothing is removed", async () => {
    await signIn();
    const { tables } = on.world;
    const row = (await tables.read('LiteLLMUserTable', { partitionKey: ALICE }))[0];
    if (row === undefined) throw new Error('There is no row.');
    const { partitionKey, rowKey, etag } = row;
    await tables.write('LiteLLMUserTable', { kind: 'delete', key: { partitionKey, rowKey }, etag });
    on.litellm.calls.length = 0;
    expect(await on.sync(person)).toMatchObject({
      status: 'nothing',
      reported: [{ kind: 'user', id: ALICE, code: 'row_missing' }],
    });
    expect(on.litellm.calls).toEqual([]);
  });

  it('is not "not ours": an unreadable record stops the sync', async () => {
    await signIn();
    const { tables } = on.world;
    for (const row of await tables.read('SyncedPeople', { partitionKey: ALICE })) {
      if (row.rowKey === 'lease') continue;
      const { partitionKey, rowKey } = row;
      const properties = Object.fromEntries(Object.keys(row.properties).map((name) => [name, 17]));
      await tables.write('SyncedPeople', { kind: 'upsert', key: { partitionKey, rowKey }, properties });
    }
    on.litellm.calls.length = 0;
    await expect(on.sync(person)).rejects.toSatisfy(
      (error) => error instanceof AppError && error.code === 'row_unreadable',
    );
    expect(on.litellm.writes).toEqual([]);
  });
});

describe('twenty people of one team at once', () => {
  it('all become members, with two worker instances and a proxy that loses parallel writes', async () => {
    on = createSyncWorld({ litellm: { losesParallelWrites: true } });
    await on.refresh();
    await on.drain();
    const people = Array.from({ length: 20 }, (_value, index) => `person-${String(index).padStart(2, '0')}`);
    for (const userId of people) await on.provision(message({ userId, email: `${userId}@company.com` }));
    const messages = on.waiting.splice(0);
    const workers = [on.deps, on.worker()];
    const outcomes = await Promise.all(
      messages.map(async ({ text }, index) => {
        const deps = workers[index % 2];
        if (deps === undefined) throw new Error('There is no such worker.');
        return sync(deps, parseSyncMessage(text), { attempt: 1 });
      }),
    );
    expect(outcomes.every(({ status }) => status === 'done' || status === 'waiting')).toBe(true);
    await on.drain();
    expect([...(on.litellm.teams.get(id)?.members.keys() ?? [])].sort()).toEqual(people);
    expect([...(on.litellm.organizations.get(id)?.members.keys() ?? [])].sort()).toEqual(people);
  });
});
