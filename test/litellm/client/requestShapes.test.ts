/**
 * Every request that the client can send, against the shapes that real proxies accept (test/dev/litellm/recordings). The
 * requests are what the client's methods really send, with every value that they can have.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readRequestShapes } from '../../../dev/litellm/contract/recordings.ts';
import { findRequestFaults, type SentRequest } from '../../../dev/litellm/contract/requestFaults.ts';
import { type LitellmEmulator, startLitellmEmulator } from '../../../dev/litellm/emulator.ts';
import { type Version, versions } from '../../../dev/litellm/versions.ts';
import { Secret } from '../../../shared/model/secret.ts';
import { createLitellmClient } from '../../../shared/litellm/client/litellmClient.ts';
import { REQUESTS } from '../../../shared/litellm/client/requests.ts';
import type { LitellmClient } from '../../../shared/model/litellmPorts.ts';
import type { TeamValues, UserValues } from '../../../shared/model/litellmValues.ts';
import { createTestClock } from '../../support/signInDoubles.ts';

/**
 * Requests whose own shape says nothing, by what describes them instead. All four versions read the body of this one
 * themselves, so their documents have no fields for it; it takes those of the request that makes an organization, none of
 * them required.
 */
const describedBy: Readonly<Record<string, string>> = {
  'PATCH /organization/update': 'POST /organization/new',
};

/** Fields that only newer versions get. `shared/litellm/keys/parkKeys.ts` looks at the version. */
const notSentTo: Readonly<Partial<Record<Version, readonly string[]>>> = {
  '1.80.0': ['GET /key/list unknown: status'],
};

const limits = { max_budget: 10.5, budget_duration: '30d', tpm_limit: 1000, rpm_limit: 10 };
const noLimits = { max_budget: null, budget_duration: null, tpm_limit: null, rpm_limit: null };
const organization = { organization_alias: 'Org', models: ['gpt-4o'], ...limits };
const team: TeamValues = {
  team_alias: 'Team',
  organization_id: 'org',
  models: ['gpt-4o'],
  team_member_permissions: ['/key/info'],
  ...limits,
};
const newKey = {
  userId: 'ann',
  teamId: 'team',
  alias: 'ann-key',
  models: ['gpt-4o'],
  duration: '90d',
  maxBudget: 2.5,
  metadata: { made_by: 'test' },
};
const user: UserValues = {
  user_email: 'ann@example.com',
  user_alias: 'Ann',
  user_role: 'internal_user',
  models: ['gpt-4o'],
  max_budget: 5.5,
  budget_duration: '30d',
};

async function readAll<Page>(pages: AsyncIterable<Page>): Promise<void> {
  for await (const _ of pages) continue;
}

/** A call of every method, in an order in which LiteLLM takes them. */
const calls: {
  readonly [Method in keyof LitellmClient]: (client: LitellmClient) => Promise<unknown>;
} = {
  checkRights: async (client) => client.checkRights(),
  createOrganization: async (client) => client.createOrganization('org', organization),
  createTeam: async (client) => client.createTeam('team', team),
  createUser: async (client) => {
    await client.createUser('ann', user);
    await client.createUser('bob', { user_role: 'internal_user', models: [] }, { scim_active: true });
  },
  findOrganization: async (client) => client.findOrganization('org'),
  findTeam: async (client) => client.findTeam('team'),
  findUser: async (client) => client.findUser('ann'),
  findUsers: async (client) => client.findUsers(['ann', 'bob']),
  updateOrganization: async (client) => {
    await client.updateOrganization('org', organization);
    await client.updateOrganization('org', noLimits);
  },
  updateTeam: async (client) => {
    await client.updateTeam('team', team);
    await client.updateTeam('team', noLimits);
  },
  updateUser: async (client) => {
    await client.updateUser('ann', user);
    const cleared = { max_budget: null, budget_duration: null, metadata: { why: 'x' } };
    await client.updateUser('ann', cleared);
  },
  addOrganizationMember: async (client) => client.addOrganizationMember('org', 'ann', 'internal_user'),
  changeOrganizationRole: async (client) => client.changeOrganizationRole('org', 'ann', 'org_admin'),
  addOrganizationMembers: async (client) =>
    client.addOrganizationMembers('org', [{ userId: 'bob', role: 'internal_user' }]),
  addTeamMember: async (client) => client.addTeamMember('team', 'ann', 'user'),
  addTeamMembers: async (client) => client.addTeamMembers('team', [{ userId: 'bob', role: 'user' }]),
  // With limits of the member's own, which go along.
  changeTeamRole: async (client) => client.changeTeamRole('team', 'ann', 'admin'),
  readOrganizations: async (client) => client.readOrganizations(),
  readTeamPages: async (client) => readAll(client.readTeamPages()),
  moveTeam: async (client) => {
    await client.createTeam('lone', { team_alias: 'Lone', models: ['gpt-4o'] });
    await client.moveTeam('lone', 'org', { models: ['gpt-4o'] });
    await client.moveTeam('lone', undefined, { models: ['gpt-4o'] });
  },
  blockTeam: async (client) => client.blockTeam('team'),
  unblockTeam: async (client) => client.unblockTeam('team'),
  findOwnUser: async (client) => client.findOwnUser(),
  findVersion: async (client) => client.findVersion(),
  countUsers: async (client) => client.countUsers(),
  createKey: async (client) => {
    const { hash } = await client.createKey(newKey);
    await client.findKey(hash);
    await readAll(client.readKeyPages({ userId: 'ann', teamId: 'team' }));
    await readAll(client.readKeyPages({ userId: 'ann', isDeleted: true }));
    await client.updateKey(hash, { userId: 'bob', teamId: null, blocked: true, models: [] });
    await client.updateKey(hash, { userId: 'ann', duration: '7d' });
    await client.updateKey(hash, { teamId: 'team', blocked: false });
    await client.deleteKey(hash);
  },
  // Sent by `createKey` above.
  findKey: async (client) => client.findKey('0'.repeat(64)),
  readKeyPages: async (client) => readAll(client.readKeyPages({})),
  updateKey: async () => undefined,
  deleteKey: async (client) => client.deleteKey('0'.repeat(64)),
  removeTeamMember: async (client) => client.removeTeamMember('team', 'ann'),
  removeOrganizationMember: async (client) => client.removeOrganizationMember('org', 'ann'),
};

const keyOf = ({ method, path }: Pick<SentRequest, 'method' | 'path'>): string => `${method} ${path}`;

describe('what the client sends', () => {
  const sent: SentRequest[] = [];
  let emulator: LitellmEmulator;

  beforeAll(async () => {
    emulator = await startLitellmEmulator({ licence: true });
    const client = createLitellmClient({
      baseUrl: emulator.url,
      apiKey: new Secret(emulator.masterKey),
      clock: createTestClock(),
      fetch: async (input, init) => {
        const request = new Request(input, init);
        const url = new URL(request.url);
        const text = await request.clone().text();
        const body: unknown = text === '' ? undefined : JSON.parse(text);
        sent.push({
          method: request.method,
          path: url.pathname,
          query: Object.fromEntries(url.searchParams),
          headers: Object.fromEntries(request.headers),
          body,
        });
        return fetch(request);
      },
    });
    for (const [method, call] of Object.entries(calls)) {
      if (method === 'changeTeamRole') {
        const limitsInTeam = { max_budget_in_team: 3.5, tpm_limit: 7, rpm_limit: 8 };
        await fetch(`${emulator.url}/team/member_update`, {
          method: 'POST',
          headers: { authorization: `Bearer ${emulator.masterKey}` },
          body: JSON.stringify({ team_id: 'team', user_id: 'ann', ...limitsInTeam }),
        });
      }
      await call(client);
    }
  });
  afterAll(async () => emulator.stop());

  it('is every request that it knows, with every field that it knows', () => {
    for (const [name, { method, path, schema }] of Object.entries(REQUESTS)) {
      const requests = sent.filter((request) => keyOf(request) === keyOf({ method, path }));
      const fields = new Set(
        requests.flatMap(({ query, body }) => Object.keys({ ...query, ...asObject(body) })),
      );
      expect([name, [...fields].toSorted()]).toEqual([name, Object.keys(schema.shape).toSorted()]);
    }
  });

  it.each(versions)('is accepted by version %s: path, method, names and types of fields', (version) => {
    const shapes = readRequestShapes(version);
    const faults = sent.flatMap((request) => {
      const key = keyOf(request);
      // The documents themselves come from this address, and it takes no fields.
      if (key === 'GET /openapi.json') return [];
      const instead = describedBy[key];
      const found = findRequestFaults(request, shapes[instead ?? key]);
      return found
        .filter((fault) => !(notSentTo[version] ?? []).includes(`${key} ${fault}`))
        .filter((fault) => instead === undefined || !fault.startsWith('missing: '))
        .map((fault) => `${key}: ${fault}`);
    });
    expect(faults).toEqual([]);
  });

  it.each(versions)(
    'has no shape of its own in version %s only where another one describes it',
    (version) => {
      const shapes = readRequestShapes(version);
      for (const key of Object.keys(describedBy)) expect([key, shapes[key]]).toEqual([key, {}]);
    },
  );
});

describe('the check itself', () => {
  const shapes = readRequestShapes('1.84.10');
  const plain = { query: {}, headers: {}, body: undefined };

  it.each<[string, SentRequest, readonly string[]]>([
    ['an unknown path', { ...plain, method: 'POST', path: '/team/rename' }, ['unknown request']],
    [
      'an unknown field, a wrong type and a missing field',
      { ...plain, method: 'POST', path: '/team/update', body: { models: 'gpt', name: 'x' } },
      ['wrong type: models is "gpt"', 'unknown: name', 'missing: team_id'],
    ],
    [
      'a wrong field of a member',
      {
        ...plain,
        method: 'POST',
        path: '/team/member_add',
        body: { team_id: 't', member: [{ user_id: 'u', role: 'owner' }] },
      },
      ['wrong type: member is [{"user_id":"u","role":"owner"}]'],
    ],
    [
      'a parameter that is not a number',
      { ...plain, method: 'GET', path: '/user/list', query: { page: 'one' } },
      ['wrong type: page is "one"'],
    ],
    [
      'a header that this request does not read',
      { ...plain, method: 'GET', path: '/user/list', headers: { 'litellm-changed-by': 'us' } },
      ['unknown: litellm-changed-by'],
    ],
  ])('finds %s', (_what, request, faults) => {
    expect(findRequestFaults(request, shapes[keyOf(request)])).toEqual(faults);
  });
});

const asObject = (value: unknown): object => (typeof value === 'object' && value !== null ? value : {});
