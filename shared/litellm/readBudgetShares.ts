/** How the budgets of organizations are carried by their teams, while LiteLLM has no organizations. */
import type { BudgetShare } from '../model/litellmProxy.ts';
import type { Store } from '../storage/store.ts';
import { readTeamsByOrganization } from './carryTeam.ts';
import { type SharedBudget, shareOf, teamOutside } from './teamLimits.ts';

/** More organizations are left out. */
const SHOWN = 50;

export interface BudgetShareDeps {
  readonly store: { readonly entities: Pick<Store['entities'], 'readTeamPages' | 'readOrganizationPages'> };
  readonly sharedBudget: SharedBudget;
}

/**
 * Returns each organization's amount beside the sum that its teams carry, at most {@link SHOWN}, in the order of storage. Amounts of
 * teams with another duration are not in the sum, but counted. Reads every page of teams and organizations once.
 */
export async function readBudgetShares({
  store,
  sharedBudget,
}: BudgetShareDeps): Promise<readonly BudgetShare[]> {
  const teams = await readTeamsByOrganization(store.entities, (team) => team);
  const shares: BudgetShare[] = [];
  for await (const { found } of store.entities.readOrganizationPages()) {
    for (const [id, { value: organization }] of found) {
      const { max_budget: amount, budget_duration: duration } = organization;
      const own = teams.get(id) ?? [];
      if (amount === undefined || own.length === 0 || shares.length >= SHOWN) continue;
      const share = shareOf(organization, own.length, sharedBudget);
      const carried = own.map((team) => teamOutside(team, organization, share).values);
      const alike = carried.filter((values) => values.budget_duration === duration);
      shares.push({
        organization_id: id,
        max_budget: amount,
        ...(duration === undefined ? {} : { budget_duration: duration }),
        teams: own.length,
        carried: alike.reduce((sum, values) => sum + (values.max_budget ?? 0), 0),
        other_durations: carried.length - alike.length,
      });
    }
  }
  return shares;
}
