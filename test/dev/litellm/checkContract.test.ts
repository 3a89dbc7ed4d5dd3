import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

import { checkContract, chooseRecording } from '../../../dev/litellm/contract/checkContract.ts';
import type { CheckedContract, ContractOptions } from '../../../dev/litellm/contract/checkContract.ts';
import { versions } from '../../../dev/litellm/versions.ts';
import { openFilledProxy } from './litellmFixture.ts';
import type { EmulatedProxy } from './litellmFixture.ts';

const noWait = async (): Promise<void> => undefined;

/** Opens a proxy that has rows of its own, with the ids of the recordings among them. */
async function openUsedProxy(version: (typeof versions)[number]): Promise<EmulatedProxy> {
  const proxy = await openFilledProxy({ version, licence: false });
  proxy.state.edit(
    { edit: 'createUser', userId: 'bob', email: 'bob@company.com' },
    { edit: 'createUser', userId: 'default_user_id', role: 'proxy_admin' },
    { edit: 'createKey', key: 'sk-theirs', alias: 'ann-own', userId: 'ann' },
    { edit: 'addTeamMember', teamId: 'team', userId: 'ann' },
  );
  return proxy;
}

const check = (proxy: EmulatedProxy, options: Partial<ContractOptions> = {}): Promise<CheckedContract> =>
  checkContract({ url: proxy.url, masterKey: proxy.masterKey, wait: noWait, ...options });

describe.each(versions)('the contract check of a proxy in use, version %s', (version) => {
  it('finds no difference, removes what it made, and touches nothing else', async () => {
    const proxy = await openUsedProxy(version);
    const before = proxy.state.read();
    const { steps, left, failure, ...checked } = await check(proxy);
    expect(checked).toEqual({ version, comparedWith: version });
    expect(steps.filter((step) => step.differences.length > 0 || step.skipped !== undefined)).toEqual([]);
    expect([left, failure]).toEqual([[], undefined]);
    // LiteLLM keeps a row of every deleted key.
    const { budgets: _, deletedKeys: _deleted, ...after } = proxy.state.read();
    expect(after).toEqual({ ...before, budgets: undefined, deletedKeys: undefined });
  });
});

describe('the contract check', () => {
  it('calls the models that it is told to', async () => {
    const proxy = await openUsedProxy('1.101.6');
    const models = ['big', 'small', 'other'];
    proxy.settings.change({ models });
    const { steps } = await check(proxy, { models });
    expect(steps.filter((step) => step.matters)).toEqual([]);
    const bodies = proxy.requests.all.map((request) => JSON.stringify(request.body));
    expect(bodies.filter((body) => /gpt-4o/.test(body ?? ''))).toEqual([]);
  });

  it('says what differs, and whether the product depends on it', async () => {
    const proxy = await openUsedProxy('1.101.6');
    proxy.faults.set({
      calls: [
        { path: '/team/block', status: 500 },
        { path: '/team/permissions_list', status: 404 },
      ],
    });
    const { steps, left } = await check(proxy);
    const differing = steps.filter((step) => step.differences.length > 0);
    expect(differing.map(({ step, matters }) => [step.step, matters])).toEqual([
      ['what members may do, read', false],
      ['block the team', true],
    ]);
    expect(left).toEqual([]);
  });

  it('removes what it made when it is stopped', async () => {
    const proxy = await openUsedProxy('1.101.6');
    const stop = new AbortController();
    const wait = async (): Promise<void> => {
      expect(proxy.state.users.length).toBeGreaterThan(4);
      stop.abort(new Error('stopped'));
    };
    const { failure, left } = await check(proxy, { wait, signal: stop.signal });
    expect([failure, left]).toEqual(['Error: stopped', []]);
    expect(proxy.state.users.map((user) => user.user_id).toSorted()).toEqual([
      'ann',
      'bob',
      'default_user_id',
    ]);
    expect(proxy.state.keys.map((key) => key.key_alias)).toEqual(['ann-own']);
  });

  it('leaves a row alone that lost its mark, and says so', async () => {
    const proxy = await openUsedProxy('1.101.6');
    let taken = '';
    const wait = async (): Promise<void> => {
      taken = proxy.state.users.find((user) => user.user_id.endsWith('-bob'))?.user_id ?? '';
      proxy.state.changeUser({ userId: taken, metadata: { of: 'somebody else' } });
    };
    const { left } = await check(proxy, { wait });
    expect(left).toEqual([`users ${taken}: it lacks the mark of this run`]);
    expect(proxy.state.findUser(taken)).toBeDefined();
  });

  it('leaves an organization alone into which an administrator moved a team', async () => {
    const proxy = await openUsedProxy('1.101.6');
    let taken = '';
    const wait = async (): Promise<void> => {
      taken =
        proxy.state.organizations.find((row) => row.organization_id.endsWith('-org2'))?.organization_id ?? '';
      proxy.state.moveTeam({ teamId: 'team', organizationId: taken });
    };
    const { left } = await check(proxy, { wait });
    expect(left).toEqual([`organizations ${taken}: it has teams that this run did not make`]);
    expect(proxy.state.findTeam('team')).toBeDefined();
  });

  it.each([
    ['1.80.0', '1.80.0'],
    ['1.79.3', '1.80.0'],
    ['1.84.9', '1.80.0'],
    ['1.84.10', '1.84.10'],
    ['1.101.5-nightly', '1.84.10'],
    ['1.107.9', '1.101.6'],
    ['2.0.0', '1.108.0'],
  ])('compares %s with the recording of %s', (version, recording) => {
    expect(chooseRecording(version)).toBe(recording);
  });
});

describe('the command', () => {
  const run = async (
    args: readonly string[],
    env: Record<string, string> = {},
  ): Promise<{ stdout: string; code: number }> => {
    const main = join(import.meta.dirname, '../../../dev/litellm/contract/main.ts');
    try {
      const { stdout } = await promisify(execFile)(process.execPath, [main, ...args], { env });
      return { stdout, code: 0 };
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && 'stdout' in error)) throw error;
      return { stdout: String(error.stdout), code: Number(error.code) };
    }
  };

  it('changes nothing without --yes, and asks for an address and a key', async () => {
    const proxy = await openUsedProxy('1.84.10');
    const before = proxy.state.read();
    const answer = await run(['--base-url', `${proxy.url}/`], { LITELLM_API_KEY: proxy.masterKey });
    expect(answer).toMatchObject({ code: 0 });
    expect(answer.stdout).toContain('is LiteLLM 1.84.10. It would be compared with 1.84.10, in 107 steps.');
    expect(proxy.state.read()).toEqual(before);
    expect(proxy.requests.writes).toEqual([]);
    expect(await run(['--base-url', proxy.url])).toMatchObject({ code: 2 });
  });
});
