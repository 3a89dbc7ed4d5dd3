import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';

import { sampleGroups, sampleManyGroupsCount, samplePeople } from '../../../dev/identity/sampleDirectory.ts';
import type { IdentityFixture } from './identityFixture.ts';
import { openIdentityFixture } from './identityFixture.ts';

const pageSchema = z.looseObject({
  '@odata.nextLink': z.string().optional(),
  value: z.array(z.record(z.string(), z.unknown())),
});

let fixture: IdentityFixture;
let appToken: string;
let assignmentsPath: string;

beforeAll(async () => {
  fixture = await openIdentityFixture();
  appToken = await fixture.readAppToken();
  assignmentsPath = `/servicePrincipals/${fixture.identity.servicePrincipalId}/appRoleAssignedTo`;
});
afterAll(() => fixture.close());

async function readPages(
  path: string,
  token: string,
): Promise<{ sizes: number[]; rows: Record<string, unknown>[] }> {
  const sizes: number[] = [];
  const rows: Record<string, unknown>[] = [];
  let url: string | undefined = `${fixture.identity.graphBaseUrl}${path}`;
  while (url !== undefined) {
    const response: Response = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
    const page = pageSchema.parse(await response.json());
    sizes.push(page.value.length);
    rows.push(...page.value);
    url = page['@odata.nextLink'];
  }
  return { sizes, rows };
}

const statusAndCode = async (response: Response): Promise<[number, string]> => [
  response.status,
  z.object({ error: z.object({ code: z.string() }) }).parse(await response.json()).error.code,
];

describe('/me/memberOf', () => {
  it('lists every direct group, assigned or not, with null instead of its name, because User.Read shows only ids', async () => {
    const { accessToken } = await fixture.signIn('alice@company.com');
    const response = await fixture.readGraph('/me/memberOf?$top=999', accessToken);
    expect(new Date(response.headers.get('date') ?? '').getTime()).toBeGreaterThan(Date.now() - 5000);
    const { value } = pageSchema.parse(await response.json());
    expect(value).toEqual(
      [sampleGroups.production, sampleGroups.notAssigned].map((id) => ({
        '@odata.type': '#microsoft.graph.group',
        id,
        displayName: null,
        securityEnabled: null,
      })),
    );
  });

  it('lists directory roles and administrative units of an administrator too', async () => {
    const { accessToken } = await fixture.signIn('peter@company.com');
    const { rows } = await readPages('/me/memberOf?$select=id', accessToken);
    expect(rows.map((row) => row['@odata.type'])).toEqual([
      '#microsoft.graph.directoryRole',
      '#microsoft.graph.administrativeUnit',
    ]);
    expect(Object.keys(rows[0] ?? {})).toEqual(['@odata.type', 'id']);
  });

  it('has pages of 100 by default, and of 999 at most', async () => {
    const { accessToken } = await fixture.signIn('mary@company.com');
    const { sizes, rows } = await readPages('/me/memberOf', accessToken);
    expect(sizes).toEqual([100, 100, 50]);
    expect(new Set(rows.map((row) => row['id'])).size).toBe(sampleManyGroupsCount);
    expect((await readPages('/me/memberOf?$top=999&$select=id', accessToken)).sizes).toEqual([250]);
    expect(await statusAndCode(await fixture.readGraph('/me/memberOf?$top=1000', accessToken))).toEqual([
      400,
      'Request_BadRequest',
    ]);
  });

  it('answers a person, but not the application', async () => {
    expect(await statusAndCode(await fixture.readGraph('/me/memberOf', appToken))).toEqual([
      400,
      'BadRequest',
    ]);
  });

  it('shows a change at once', async () => {
    const { control } = fixture.identity;
    const { accessToken } = await fixture.signIn('bob@company.com');
    const ids = async (): Promise<unknown[]> =>
      (await readPages('/me/memberOf', accessToken)).rows.map((row) => row['id']);
    expect(await ids()).toEqual([sampleGroups.production]);
    await control.removeFromGroup('bob@company.com', sampleGroups.production);
    expect(await ids()).toEqual([]);
    await control.addToGroup('bob@company.com', sampleGroups.production);
    expect(await ids()).toEqual([sampleGroups.production]);
  });
});

describe('appRoleAssignedTo', () => {
  it('lists groups and people with their type, in pages', async () => {
    const { sizes, rows } = await readPages(assignmentsPath, appToken);
    expect(sizes.slice(0, -1)).toEqual([100, 100]);
    const production = rows.find((row) => row['principalId'] === sampleGroups.production);
    expect(production).toMatchObject({
      principalType: 'Group',
      principalDisplayName: 'Production Team',
      appRoleId: '00000000-0000-0000-0000-000000000000',
      resourceId: fixture.identity.servicePrincipalId,
    });
    expect(rows.some((row) => row['principalId'] === sampleGroups.notAssigned)).toBe(false);
    expect(rows.some((row) => row['principalId'] === sampleGroups.empty)).toBe(true);
    const people = rows.filter((row) => row['principalType'] === 'User').map((row) => row['principalId']);
    expect(people).toContain(samplePeople.proxyAdmin);
    expect(people).not.toContain(samplePeople.notAssigned);
    expect(new Set(rows.map((row) => row['id'])).size).toBe(rows.length);
  });

  it('answers the application only, and only about its own Enterprise Application', async () => {
    const { accessToken } = await fixture.signIn('alice@company.com');
    expect(await statusAndCode(await fixture.readGraph(assignmentsPath, accessToken))).toEqual([
      403,
      'Authorization_RequestDenied',
    ]);
    expect(
      await statusAndCode(await fixture.readGraph('/servicePrincipals/x/appRoleAssignedTo', appToken)),
    ).toEqual([404, 'Request_ResourceNotFound']);
  });
});

describe('tokens', () => {
  it('must be present and genuine', async () => {
    const { identity } = fixture;
    const { accessToken, idToken } = await fixture.signIn('alice@company.com');
    const tampered = `${accessToken.slice(0, -4)}AAAA`;
    for (const token of [undefined, 'garbage', tampered, idToken]) {
      expect(await statusAndCode(await fixture.readGraph('/me/memberOf', token))).toEqual([
        401,
        'InvalidAuthenticationToken',
      ]);
    }
    const { requests } = await identity.control.readRequests();
    expect(requests.slice(-4).map((request) => [request.path, request.tokenKind, request.status])).toEqual([
      ['/graph/v1.0/me/memberOf', 'none', 401],
      ['/graph/v1.0/me/memberOf', 'invalid', 401],
      ['/graph/v1.0/me/memberOf', 'invalid', 401],
      ['/graph/v1.0/me/memberOf', 'invalid', 401],
    ]);
  });
});

describe('other calls', () => {
  it('refuses calls that the application does not make', async () => {
    expect(await statusAndCode(await fixture.readGraph('/users', appToken))).toEqual([400, 'BadRequest']);
  });

  it('refuses unknown query options instead of ignoring them', async () => {
    const answer = await fixture.readGraph(`${assignmentsPath}?$filter=principalType eq 'Group'`, appToken);
    expect(await statusAndCode(answer)).toEqual([400, 'Request_UnsupportedQuery']);
  });
});
