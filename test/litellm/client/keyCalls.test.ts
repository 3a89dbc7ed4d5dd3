/** The client's calls about keys, lists of members and moves, over HTTP against the emulator of every version. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type LitellmEmulator, startLitellmEmulator } from '../../../dev/litellm/emulator.ts';
import { versions } from '../../../dev/litellm/versions.ts';
import { createLitellmClient } from '../../../shared/litellm/client/litellmClient.ts';
import { errorCodeOf } from '../../../shared/model/errors.ts';
import type { LitellmClient, LitellmKey, NewKey } from '../../../shared/model/litellmPorts.ts';
import { Secret } from '../../../shared/model/secret.ts';
import { outgoingFetch } from '../../../shared/platform/outgoingFetch.ts';
import { createTestClock } from '../../support/signInDoubles.ts';

const PARKED = 'nobody';

describe.each(versions)('a LiteLLM proxy of version %s', (version) => {
  let emulator: LitellmEmulator;
  let litellm: LitellmClient;

  const clientWith = (key: string): LitellmClient =>
    createLitellmClient({
      baseUrl: emulator.url,
      apiKey: new Secret(key),
      fetch: outgoingFetch,
      clock: createTestClock(),
    });

  beforeEach(async () => {
    emulator = await startLitellmEmulator({ version, licence: true });
    litellm = clientWith(emulator.masterKey);
    for (const userId of ['ann', 'ann-ci', PARKED]) {
      await litellm.createUser(userId, { user_role: 'internal_user_viewer', models: [] });
    }
    for (const teamId of ['team', 'team-b']) {
      await litellm.createTeam(teamId, { team_alias: teamId, models: ['gpt-4o'] });
      await litellm.addTeamMembers(teamId, [
        { userId: 'ann', role: 'user' },
        { userId: 'ann-ci', role: 'user' },
      ]);
    }
  });
  afterEach(async () => emulator.stop());

  const newKey = (parts: Partial<NewKey> = {}): NewKey => ({
    userId: 'ann',
    teamId: 'team',
    alias: `key-${Math.random()}`,
    models: [],
    duration: '90d',
    metadata: { made_by: 'test' },
    ...parts,
  });
  const list = async (filter: { userId?: string; teamId?: string }): Promise<readonly LitellmKey[]> => {
    const keys: LitellmKey[] = [];
    for await (const page of litellm.readKeyPages(filter)) keys.push(...page);
    return keys;
  };
  const callModel = async (key: Secret): Promise<number> => {
    const response = await fetch(`${emulator.url}/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key.reveal()}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'gpt-4o', messages: [{ role: 'user', content: 'hi' }] }),
    });
    return response.status;
  };

  it('creates a key that answers, and shows everything about it but the secret', async () => {
    const created = await litellm.createKey(newKey({ alias: 'first', models: ['gpt-4o'], maxBudget: 2 }));
    expect(await callModel(created.secret)).toBe(200);
    expect(JSON.stringify(created)).not.toContain(created.secret.reveal());
    const [key, ...others] = await list({ userId: 'ann', teamId: 'team' });
    expect(others).toEqual([]);
    expect(key).toMatchObject({
      hash: created.hash,
      alias: 'first',
      userId: 'ann',
      teamId: 'team',
      blocked: false,
      models: ['gpt-4o'],
      maxBudget: 2,
      expires: created.expires,
      metadata: { made_by: 'test' },
    });
    expect(key?.name).toMatch(/^sk-\.\.\..{4}$/);
    expect(await litellm.findKey(created.hash)).toMatchObject({ hash: created.hash, userId: 'ann' });
  });

  it('lists every page, and only keys of exactly this person and team', async () => {
    for (let index = 0; index < 101; index += 1) await litellm.createKey(newKey());
    await litellm.createKey(newKey({ userId: 'ann-ci' }));
    await litellm.createKey(newKey({ teamId: 'team-b' }));
    expect(await list({ userId: 'ann', teamId: 'team' })).toHaveLength(101);
    expect(await list({ userId: 'ann' })).toHaveLength(102);
    expect(await list({ teamId: 'team' })).toHaveLength(102);
    expect(await list({ userId: 'an' })).toEqual([]);
  });

  it('parks a key in one call, and gives it back in two', async () => {
    const { hash, secret } = await litellm.createKey(newKey());
    await litellm.updateKey(hash, { teamId: null, userId: PARKED, blocked: true });
    expect(await callModel(secret)).toBe(401);
    expect(await litellm.findKey(hash)).toMatchObject({ userId: PARKED, blocked: true });
    expect((await litellm.findKey(hash))?.teamId).toBeUndefined();
    await expect(
      litellm.updateKey(hash, { userId: 'ann', teamId: 'team', blocked: false }),
    ).rejects.toMatchObject({ code: 'litellm_refused', details: { status: 403 } });
    await litellm.updateKey(hash, { userId: 'ann' });
    await litellm.updateKey(hash, { teamId: 'team', blocked: false });
    expect(await callModel(secret)).toBe(200);
  });

  it('deletes one key by its hash, once', async () => {
    const { hash, secret } = await litellm.createKey(newKey());
    expect(await litellm.deleteKey(hash)).toBe('done');
    expect(await litellm.deleteKey(hash)).toBe('already');
    expect(await callModel(secret)).toBe(401);
    expect(await litellm.findKey(hash)).toBeUndefined();
    await expect(litellm.updateKey(hash, { blocked: true })).rejects.toMatchObject({
      code: 'litellm_refused',
    });
  });

  it('says which version it is, how many users it has, and whose key is used', async () => {
    expect(await litellm.findVersion()).toBe(version);
    // The owner of the master key became one with the first team.
    expect(await litellm.countUsers()).toBe(4);
    // The master key is in no table.
    expect(await litellm.findOwnUser()).toBeUndefined();
    const { secret } = await litellm.createKey(newKey());
    expect(await clientWith(secret.reveal()).findOwnUser().catch(String)).toMatch(/^ann$|refused|right/);
  });

  it('adds a list of members in one request, and refuses a list with an organization’s member whole or in part', async () => {
    const ids = Array.from({ length: 50 }, (_, index) => `person-${index}`);
    for (const userId of ids) emulator.state.createUser({ userId });
    await litellm.createOrganization('org', { organization_alias: 'Org', models: ['gpt-4o'] });
    emulator.requests.clear();
    await litellm.addOrganizationMembers(
      'org',
      ids.map((userId) => ({ userId, role: 'internal_user' })),
    );
    await litellm.addTeamMembers(
      'team',
      ids.map((userId) => ({ userId, role: 'user' })),
    );
    await litellm.addTeamMembers('team', [{ userId: 'person-1', role: 'user' }]);
    expect(emulator.requests.all).toHaveLength(3);
    expect((await litellm.findOrganization('org'))?.members).toHaveLength(50);
    expect((await litellm.findTeam('team'))?.members).toHaveLength(53);
    const again = litellm.addOrganizationMembers('org', [{ userId: 'person-1', role: 'internal_user' }]);
    await expect(again).rejects.toMatchObject({ code: 'litellm_refused' });
  });

  it('moves a team and its members into an organization, but leaves one with members alone on 1.80', async () => {
    await litellm.createOrganization('org', { organization_alias: 'Org', models: ['gpt-4o'] });
    const moved = await litellm
      .moveTeam('team', 'org', { models: ['gpt-4o'] })
      .then(() => 'moved', errorCodeOf);
    const team = await litellm.findTeam('team');
    const members = (await litellm.findOrganization('org'))?.members ?? [];
    const isOld = version === '1.80.0';
    expect(moved).toBe(isOld ? 'litellm_refused' : 'moved');
    expect(team?.values.organization_id).toBe(isOld ? undefined : 'org');
    expect(members.some(({ userId }) => userId === 'ann-ci')).toBe(!isOld);
    await litellm.moveTeam('team', undefined, { models: ['gpt-4o'] });
    expect((await litellm.findTeam('team'))?.values.organization_id).toBeUndefined();
  });

  it('blocks and unblocks a team', async () => {
    await litellm.blockTeam('team');
    expect((await litellm.findTeam('team'))?.blocked).toBe(true);
    await litellm.unblockTeam('team');
    expect((await litellm.findTeam('team'))?.blocked).toBe(false);
  });

  it('clears limits with null, and changes what members may do in a request of its own', async () => {
    await litellm.updateTeam('team', { max_budget: 5, budget_duration: '30d', tpm_limit: 7 });
    await litellm.updateTeam('team', { max_budget: null, budget_duration: null, tpm_limit: null });
    await litellm.updateTeam('team', { team_member_permissions: ['/key/info'] });
    const values = (await litellm.findTeam('team'))?.values;
    expect(values).toEqual({
      team_alias: 'team',
      models: ['gpt-4o'],
      team_member_permissions: ['/key/info'],
    });
  });
});
