/** Calls of models, which answer by themselves and cost something. */
import { randomUUID } from 'node:crypto';

import type { VirtualKey } from '../proxyData.ts';
import type { ProxyStore } from '../proxyStore.ts';
import { proxyError } from './apiError.ts';
import { isAdmin, parseBody } from './call.ts';
import type { Call, Endpoint } from './call.ts';
import { chatSchema } from './requestSchemas.ts';

/** The models of the recorded proxies. */
const recordedModels = ['gpt-4o', 'gpt-4o-mini', 'claude-sonnet'];

/** What the recorded proxies count for an answer. */
const promptTokens = 10;
const completionTokens = 20;

/** Dollars for each token of the question and of the answer. Other models cost as much as `gpt-4o`. */
const defaultPrice = { prompt: 0.000_002_5, completion: 0.000_01 };
const prices: Readonly<Record<string, typeof defaultPrice>> = {
  'gpt-4o-mini': { prompt: 0.000_000_15, completion: 0.000_000_6 },
  'claude-sonnet': { prompt: 0.000_003, completion: 0.000_015 },
};

const modelsOf = ({ settings }: Call): readonly string[] => settings.models ?? recordedModels;

/** A list of models that allows everything: none, or one with a special name. */
const allowsAll = (models: readonly string[]): boolean =>
  models.length === 0 || models.includes('all-proxy-models');

interface Limit {
  readonly what: 'key' | 'team' | 'user';
  readonly models: readonly string[];
}

/**
 * Returns the lists that a call must pass: the key's, and its team's. Without a team, the user's. The organization's list
 * is not among them.
 */
function limitsOf(store: ProxyStore, key: VirtualKey | undefined): readonly Limit[] {
  if (key === undefined) return [];
  const team = store.teams.get(key.team_id ?? '');
  const user = store.users.get(key.user_id ?? '');
  const limits: Limit[] = [
    { what: 'key', models: key.models.filter((model) => model !== 'all-team-models') },
    ...(team === undefined ? [] : [{ what: 'team' as const, models: team.models }]),
    ...(team === undefined && user !== undefined ? [{ what: 'user' as const, models: user.models }] : []),
  ];
  return limits.filter(({ models }) => !allowsAll(models));
}

export const listModels: Endpoint = (call) => {
  const limits = limitsOf(call.store, call.caller.key);
  const data = modelsOf(call)
    .filter((model) => limits.every(({ models }) => models.includes(model)))
    .map((id) => ({ id, object: 'model', created: 1_677_610_602, owned_by: 'openai' }));
  return { data, object: 'list' };
};

/** Answers, and adds the cost to the key, its user, team and organization. A real proxy adds it within a minute. */
export const completeChat: Endpoint = (call) => {
  const { model } = parseBody(call, chatSchema);
  const { store, caller } = call;
  const refused = limitsOf(store, caller.key).find(({ models }) => !models.includes(model));
  if (refused !== undefined) throw deniedModel(call, model, refused);
  if (!modelsOf(call).includes(model)) throw unknownModel(model);
  requireBudgets(call);
  spend(call, costOf(model));
  return {
    id: `chatcmpl-${randomUUID()}`,
    created: Math.floor(Date.parse(call.now) / 1000),
    model,
    object: 'chat.completion',
    choices: [
      {
        finish_reason: 'stop',
        index: 0,
        message: { role: 'assistant', content: 'This is an emulated answer.' },
      },
    ],
    usage: {
      prompt_tokens: promptTokens,
      completion_tokens: completionTokens,
      total_tokens: promptTokens + completionTokens,
    },
  };
};

function costOf(model: string): number {
  const { prompt, completion } = prices[model] ?? defaultPrice;
  return promptTokens * prompt + completionTokens * completion;
}

function deniedModel({ behaviours }: Call, model: string, { what, models }: Limit): Error {
  const allowed = models.map((name) => `'${name}'`).join(', ');
  const text = behaviours.deniedModelTextIsShort
    ? `The requested model '${model}' is not available for this API key, or the model name is invalid.`
    : `${what} not allowed to access model. This ${what} can only access models=[${allowed}]. Tried to access ${model}`;
  return proxyError(behaviours.deniedModelStatus, text, {
    type: `${what}_model_access_denied`,
    param: 'model',
  });
}

/** (?) The shape and the text. */
const unknownModel = (model: string): Error =>
  proxyError(
    400,
    `Invalid model name passed in model=${model}. Call \`/v1/models\` to view available models.`,
    {
      type: 'None',
    },
  );

/** Throws if a budget is used up. The user's counts for keys without a team only. */
function requireBudgets({ store, behaviours, caller: { key } }: Call): void {
  if (key === undefined) return;
  const team = store.teams.get(key.team_id ?? '');
  const user = team === undefined ? store.users.get(key.user_id ?? '') : undefined;
  const organization = store.organizations.get(team?.organization_id ?? key.organization_id ?? '');
  const budget = store.budgets.get(organization?.budget_id ?? '');
  const status = behaviours.budgetExceededStatus;
  const used = [
    ...[key, team, user].map((row) => ({ row, max: row?.max_budget, status: status ?? 400 })),
    { row: organization, max: budget?.max_budget, status },
  ].find(({ row, max }) => row !== undefined && typeof max === 'number' && row.spend >= max);
  if (used?.status === undefined) return;
  throw proxyError(
    used.status,
    `Budget has been exceeded! Current cost: ${used.row?.spend}, Max budget: ${used.max}`,
    { type: 'budget_exceeded' },
  );
}

function spend({ store, behaviours, caller }: Call, cost: number): void {
  if (isAdmin(caller) && caller.key === undefined) return;
  const { key } = caller;
  const stored = store.keys.get(key?.token ?? '');
  const team = store.teams.get(key?.team_id ?? '');
  const user = store.users.get(key?.user_id ?? '');
  const organization = store.organizations.get(team?.organization_id ?? key?.organization_id ?? '');
  const membership = store.budgetsOf(team?.team_id ?? '').get(user?.user_id ?? '');
  const rows = [
    stored,
    user,
    team,
    organization,
    behaviours.everyMemberHasMembership ? membership : undefined,
  ];
  for (const row of rows) if (row !== undefined) row.spend += cost;
}
