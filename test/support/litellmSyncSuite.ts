/** The LiteLLM proxy gets what was provisioned: real host, real storage, real HTTP. One test file runs it for each of two versions. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Version } from '../../dev/litellm/versions.ts';
import { sampleGroups, samplePeople } from '../../dev/identity/sampleDirectory.ts';
import { type E2eStack, startE2eStack, waitForLog } from './e2eStack.ts';
import { signInUntilDone, Visitor } from './e2eVisitor.ts';
import { waitUntil } from './e2eWait.ts';

const { production } = sampleGroups;
const { alice, bob } = samplePeople;

/** Declares the suite for the emulator of this version. */
export function describeLitellmSync(litellmVersion: Version): void {
  describe(`a LiteLLM proxy of version ${litellmVersion}`, () => {
    suite(litellmVersion);
  });
}

function suite(litellmVersion: Version): void {
  let stack: E2eStack;

  beforeAll(async () => {
    stack = await startE2eStack({ litellmVersion });
  });
  afterAll(async () => stack?.close());

  const control = (): NonNullable<E2eStack['litellm']>['control'] => {
    if (stack.litellm === undefined) throw new Error('The LiteLLM emulator is missing.');
    return stack.litellm.control;
  };

  /** User ids in the production team, in order. */
  async function readMembers(): Promise<readonly string[]> {
    const { teams } = await control().readState();
    const team = teams.find(({ team_id }) => team_id === production);
    return (team?.members_with_roles ?? [])
      .map(({ user_id }) => user_id ?? '')
      .filter((id) => id !== 'default_user_id')
      .sort();
  }

  async function signInAndSync(login: string): Promise<Awaited<ReturnType<typeof signInUntilDone>>> {
    const before = stack.host.logs().length;
    const signedIn = await signInUntilDone(stack.url, login);
    const { user_id: id } = signedIn.me.user;
    await waitForLog(stack, (line) => line.includes('"event":"sync.person"') && line.includes(id), before);
    return signedIn;
  }

  it('says in the health detail which version it has, and that a sync would work', async () => {
    const headers = { 'x-functions-key': stack.functionKey };
    const { body } = await new Visitor(stack.url).request('/api/health/detail', { headers });
    expect(JSON.parse(body)).toMatchObject({
      litellm: { status: 'ok', version: litellmVersion, organizations: { state: 'available' } },
    });
  });

  it("has the product's own example seconds after the sign-ins", async () => {
    await signInAndSync('alice@company.com');
    await signInAndSync('bob@company.com');
    const state = await control().readState();
    const organization = state.organizations.find(({ organization_id }) => organization_id === production);
    expect(organization).toMatchObject({
      organization_alias: 'Production Team',
      models: ['gpt-4', 'gpt-3.5-turbo'],
    });
    const budget = state.budgets.find(({ budget_id }) => budget_id === organization?.budget_id);
    expect(budget).toMatchObject({ max_budget: 1000, budget_duration: '30d' });
    expect(state.teams.find(({ team_id }) => team_id === production)).toMatchObject({
      team_alias: 'Production Team',
      organization_id: production,
      models: ['gpt-4', 'gpt-3.5-turbo'],
    });
    expect(await readMembers()).toEqual([alice, bob].sort());
    const inOrganization = state.organizationMemberships
      .filter(({ organization_id }) => organization_id === production)
      .map(({ user_id }) => user_id)
      .sort();
    expect(inOrganization).toEqual([alice, bob].sort());
    expect(state.keys).toEqual([]);
  });

  it('says on the page and in the answer that she is in LiteLLM, and since when', async () => {
    const { visitor } = await signInUntilDone(stack.url, 'alice@company.com');
    const me: unknown = JSON.parse((await visitor.request('/api/me')).body);
    expect(me).toMatchObject({
      litellm: { connected: true, status: 'done' },
      teams: [{ team_id: production, litellm: { state: 'in_litellm' } }],
      organizations: [{ organization_id: production, litellm: { state: 'in_litellm' } }],
    });
    const parsed = z.object({ teams: z.array(z.object({ litellm: z.object({ since: z.iso.datetime() }) })) });
    expect(parsed.safeParse(me).success).toBe(true);
    expect((await visitor.request('/')).body).toContain('In LiteLLM');
  });

  it('removes what Entra removed, and leaves what was added by hand', async () => {
    await control().createTeam({ teamId: 'by-hand', alias: 'By hand' });
    await control().addTeamMember({ teamId: 'by-hand', userId: alice, role: 'user' });
    await stack.control.editDirectory({ edit: 'removeFromGroup', person: alice, group: production });
    await signInAndSync('alice@company.com');
    expect(await readMembers()).toEqual([bob]);
    const { teams } = await control().readState();
    expect(teams.find(({ team_id }) => team_id === 'by-hand')?.members_with_roles).toMatchObject([
      { user_id: alice },
    ]);
  });

  it('waits for a proxy that is down, and updates it when it is back', async () => {
    await control().setFaults({ calls: [{ path: '/*', status: 503 }] });
    await stack.control.editDirectory({ edit: 'addToGroup', person: alice, group: production });
    const { visitor } = await signInUntilDone(stack.url, 'alice@company.com');
    const readStatus = async (): Promise<unknown> => {
      const me: unknown = JSON.parse((await visitor.request('/api/me')).body);
      return z.object({ litellm: z.unknown() }).parse(me).litellm;
    };
    const waiting = await waitUntil(
      async () => {
        const litellm = await readStatus();
        return z.object({ status: z.literal('waiting') }).safeParse(litellm).success ? litellm : undefined;
      },
      () => stack.host.logs().slice(-3).join('\n'),
    );
    expect(waiting).toMatchObject({ reason: 'litellm_unreachable' });
    await control().clearFaults();
    await waitUntil(
      async () => ((await readMembers()).includes(alice) ? true : undefined),
      () => stack.host.logs().slice(-3).join('\n'),
      40_000,
    );
  }, 60_000);

  it('destroyed nothing, and sent nothing that LiteLLM would ignore', async () => {
    const { requests, destructive } = await control().readRequests();
    expect(requests.length).toBeGreaterThan(10);
    expect(destructive).toEqual([]);
    expect(requests.flatMap(({ warnings }) => warnings)).toEqual([]);
  });

  it('is never named by its key in what the host logs', () => {
    const key = stack.litellm?.masterKey ?? '';
    expect(key.length).toBeGreaterThan(10);
    expect(stack.host.logs().filter((line) => line.includes(key))).toEqual([]);
  });
}
