/**
 * What a team carries in LiteLLM. Inside its organization, LiteLLM itself applies the organization's budget, so the team has its own
 * values. Outside it, the team carries what the organization would limit. Pure.
 */
import {
  type BudgetAndLimits,
  limitsOf,
  NO_DEFAULT_MODELS,
  type Organization,
  type Team,
} from '../model/entities.ts';
import type { TeamValues } from '../model/litellmValues.ts';
import { cleanName } from '../model/foreignNames.ts';
import { intersectModels } from '../model/modelNames.ts';

/** An amount in USD, and how often it starts again. Without a duration it never does. */
export interface Budget {
  readonly max_budget?: number | undefined;
  readonly budget_duration?: string | undefined;
}

/** `LITELLM_SHARED_BUDGET`: how the teams of an organization share its budget while LiteLLM has no organizations. */
export type SharedBudget = 'split' | 'each';

/** What an organization limits. */
export type OrganizationLimits = BudgetAndLimits & Pick<Organization, 'models'>;

/** What a team carries, and why it is not what the store says. */
export interface CarriedTeam {
  readonly values: TeamValues;
  /** The team and its organization have no model in common, so no key of the team may call any. */
  readonly hasNoModels: boolean;
  /** Fields of the team's own budget that its organization's budget replaces. */
  readonly capped: readonly string[];
}

const DURATION = /^(\d+)(s|m|h|d|w|mo)$/;
/** LiteLLM starts `30d` again on the first of a month, as it does `1mo`. */
const DAYS_OF_UNIT: Readonly<Record<string, number>> = {
  s: 1 / 86_400,
  m: 1 / 1_440,
  h: 1 / 24,
  d: 1,
  w: 7,
  mo: 30,
};

/** A share is rounded down to a millionth of a dollar, so that shares never exceed the amount. */
const SHARE_STEPS = 1_000_000;

/** Returns how many days a duration of LiteLLM lasts; `undefined`: it isn't one. */
export function daysOf(duration: string): number | undefined {
  const [, count = '', unit = ''] = DURATION.exec(duration) ?? [];
  const days = Number(count) * (DAYS_OF_UNIT[unit] ?? 0);
  return days > 0 ? days : undefined;
}

/**
 * Returns how tight a budget is, as two numbers to compare in order. Zero allows nothing. After it comes an amount that never starts
 * again, also one whose duration cannot be read. Then amounts by the day, and no amount at all.
 */
function tightnessOf({ max_budget: amount, budget_duration: duration }: Budget): readonly [number, number] {
  if (amount === undefined) return [3, 0];
  if (amount <= 0) return [0, 0];
  const days = duration === undefined ? undefined : daysOf(duration);
  return days === undefined ? [1, amount] : [2, amount / days];
}

/** Returns a negative number if `a` allows less than `b`, 0 if both allow the same, and a positive number otherwise. */
export function compareBudgets(a: Budget, b: Budget): number {
  const [[kindOfA, amountOfA], [kindOfB, amountOfB]] = [tightnessOf(a), tightnessOf(b)];
  return kindOfA === kindOfB ? amountOfA - amountOfB : kindOfA - kindOfB;
}

/** Returns one team's share of its organization's budget. `teams`: how many teams of the organization the store has. */
export function shareOf(organization: Budget, teams: number, how: SharedBudget): Budget {
  const { max_budget: amount, budget_duration } = organization;
  if (amount === undefined || how === 'each' || teams <= 1) return { max_budget: amount, budget_duration };
  return { max_budget: Math.floor((amount / teams) * SHARE_STEPS) / SHARE_STEPS, budget_duration };
}

/**
 * Returns the team's own budget, or its organization's if that allows less. Newer versions of LiteLLM refuse an amount above the
 * organization's, whatever the durations. Such an amount is converted to the organization's duration.
 */
export function capBudget(own: Budget, organization: Budget): Budget {
  const { max_budget: bound, budget_duration: duration } = organization;
  if (own.max_budget === undefined || bound === undefined) return own;
  if (compareBudgets(own, organization) > 0) return { max_budget: bound, budget_duration: duration };
  if (own.max_budget <= bound) return own;
  const [days, ownDays] = [duration, own.budget_duration].map((each) => daysOf(each ?? ''));
  // It never starts again, so it allows less than the organization's even with the same amount.
  if (days === undefined || ownDays === undefined) return { ...own, max_budget: bound };
  return { max_budget: Math.min(bound, (own.max_budget / ownDays) * days), budget_duration: duration };
}

function smaller(own: number | undefined, bound: number | undefined): number | undefined {
  if (own === undefined || bound === undefined) return own ?? bound;
  return Math.min(own, bound);
}

interface Carried extends Pick<TeamValues, 'models'> {
  readonly organizationId: string | undefined;
  readonly limits: { readonly [Field in keyof BudgetAndLimits]: BudgetAndLimits[Field] | undefined };
}

function valuesOf(team: Team, { organizationId, models, limits }: Carried): TeamValues {
  const { team_alias, team_member_permissions } = team;
  return {
    team_alias: cleanName(team_alias) ?? team.team_id,
    ...(organizationId === undefined ? {} : { organization_id: organizationId }),
    models,
    ...(team_member_permissions.length === 0 ? {} : { team_member_permissions }),
    ...limitsOf(limits),
  };
}

function ownLimits({
  max_budget,
  budget_duration,
  tpm_limit,
  rpm_limit,
}: BudgetAndLimits): Carried['limits'] {
  return { max_budget, budget_duration, tpm_limit, rpm_limit };
}

/** Returns one text for all equal values: lists count regardless of order, and an empty list counts as absent. */
export function canonical(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (!Array.isArray(value)) return JSON.stringify(value);
  return value.length === 0 ? '' : JSON.stringify([...new Set(value.map(String))].sort());
}

/** Returns what a standalone team carries: everything that the store says. */
export function standaloneTeam(team: Team): CarriedTeam {
  const values = valuesOf(team, { organizationId: undefined, models: team.models, limits: ownLimits(team) });
  return { values, hasNoModels: false, capped: [] };
}

/**
 * Returns what a team carries inside an organization: its own values, with models that the organization has and at most the
 * organization's budget. A list that follows the organization, or allows everything, becomes the organization's list, since an empty
 * one would mean every model of the proxy. A team without any model keeps the organization's list, and is to be blocked: LiteLLM
 * accepts no other list there.
 */
export function teamInside(
  team: Team,
  organization: OrganizationLimits & Pick<Organization, 'organization_id'>,
): CarriedTeam {
  const { organization_id: organizationId } = organization;
  const models = intersectModels(team.models, organization.models);
  const hasNoModels = models?.length === 0;
  const budget = capBudget(team, organization);
  const fields = ['max_budget', 'budget_duration'] as const;
  const list = models === undefined || hasNoModels ? organization.models : models;
  const limits = {
    ...ownLimits(team),
    max_budget: budget.max_budget,
    budget_duration: budget.budget_duration,
  };
  return {
    values: valuesOf(team, { organizationId, models: list, limits }),
    hasNoModels,
    capped: fields.filter((field) => budget[field] !== team[field]),
  };
}

/**
 * Returns what a team carries outside its organization, which LiteLLM does not have or the team is not in yet: the models of both,
 * the budget that allows less, and the smaller limits.
 */
export function teamOutside(team: Team, organization: OrganizationLimits, share: Budget): CarriedTeam {
  const models = intersectModels(team.models, organization.models);
  const hasNoModels = models?.length === 0;
  const budget = compareBudgets(team, share) <= 0 ? team : share;
  const limits = {
    max_budget: budget.max_budget,
    budget_duration: budget.budget_duration,
    tpm_limit: smaller(team.tpm_limit, organization.tpm_limit),
    rpm_limit: smaller(team.rpm_limit, organization.rpm_limit),
  };
  const list = models ?? organization.models;
  return {
    values: valuesOf(team, {
      organizationId: undefined,
      models: hasNoModels ? [NO_DEFAULT_MODELS] : list,
      limits,
    }),
    hasNoModels,
    capped: [],
  };
}

/** What a team in a frozen organization carries, and which of its fields wait for the organization. */
export interface FrozenTeam extends CarriedTeam {
  readonly frozen: readonly string[];
}

/**
 * Returns what a team carries in an organization that cannot be changed, because LiteLLM's licence has ended: what fits the frozen
 * values. `stored`: its organization in the store, if it has one.
 */
export function teamFrozen(
  team: Team,
  stored: (OrganizationLimits & Pick<Organization, 'organization_id'>) | undefined,
  frozen: OrganizationLimits & Pick<Organization, 'organization_id'>,
): FrozenTeam {
  const wanted = stored === undefined ? standaloneTeam(team) : teamInside(team, stored);
  const { max_budget: _budget, budget_duration: _duration, ...others } = team;
  const { max_budget: amount, budget_duration: duration } = wanted.values;
  const budget = limitsOf({
    max_budget: amount,
    budget_duration: duration,
    tpm_limit: undefined,
    rpm_limit: undefined,
  });
  const fitting = teamInside({ ...others, ...budget, models: wanted.values.models }, frozen);
  const fields = ['organization_id', 'models', 'max_budget', 'budget_duration'] as const;
  const hasNoModels = wanted.hasNoModels || fitting.hasNoModels;
  return {
    values: hasNoModels ? { ...fitting.values, models: frozen.models } : fitting.values,
    hasNoModels,
    capped: wanted.capped,
    frozen: fields.filter((field) => canonical(wanted.values[field]) !== canonical(fitting.values[field])),
  };
}
