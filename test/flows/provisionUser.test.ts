import { describe, expect, it } from 'vitest';
import { ALICE, BOB, createWorld, membershipsOf, message, PRODUCTION_TEAM } from '../support/world.ts';

describe("the product's own example", () => {
  it('makes the organization, the team that shares its budget, and both people members of both', async () => {
    const world = createWorld();
    await world.refresh();
    await expect(world.provision(message())).resolves.toMatchObject({
      status: 'done',
      changes: { granted: 2 },
    });
    await world.provision(message({ userId: BOB }));

    const organizations = await world.store.entities.readOrganizations([PRODUCTION_TEAM.id]);
    expect(organizations.found.get(PRODUCTION_TEAM.id)?.value).toMatchObject({
      organization_id: 'entra-group-123',
      organization_alias: 'Production Team',
      max_budget: 1000,
      budget_duration: '30d',
      models: ['gpt-4', 'gpt-3.5-turbo'],
    });
    const teams = await world.store.entities.readTeams([PRODUCTION_TEAM.id]);
    const team = teams.found.get(PRODUCTION_TEAM.id)?.value;
    expect(team).toMatchObject({
      team_id: 'entra-group-123',
      team_alias: 'Production Team',
      organization_id: 'entra-group-123',
      models: ['all-org-models'],
    });
    expect(team).not.toHaveProperty('max_budget');
    const both = ['organization:entra-group-123 internal_user', 'team:entra-group-123 user'];
    expect(await membershipsOf(world, ALICE)).toEqual(both);
    expect(await membershipsOf(world, BOB)).toEqual(both);
  });
});
