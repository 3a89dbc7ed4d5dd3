import type { EffectiveModels } from '../../model/access.ts';
import { formatBudget, formatCount, formatUsd } from './formatBudget.ts';
import { html, type Html, type HtmlValue } from './html.ts';

/** So many models are shown at once; the others open on demand. */
const MODELS_AT_ONCE = 12;

/** More than so many take the whole width. */
const MODELS_IN_A_COLUMN = 4;

/** One fact of an entity: a term, its value, and the lines that say why it is so. Stands in a `dl`. */
export interface Fact {
  readonly term: string;
  readonly value: HtmlValue;
  /** Lines below the value; `undefined` and `false` are left out. */
  readonly why?: readonly (Html | string | undefined | false)[];
  /** Takes the whole width: a long list. */
  readonly isWide?: boolean;
}

/** Gives a fact as a pair of a `dl`. */
export function renderFact({ term, value, why = [], isWide = false }: Fact): Html {
  return html`<div class="${isWide ? 'wide' : 'fact'}">
    <dt>${term}</dt>
    <dd>
      ${value}${why.map((line) => line !== undefined && line !== false && html`<p class="why">${line}</p>`)}
    </dd>
  </div>`;
}

function renderChips(models: readonly string[]): Html {
  return html`<ul class="models">
    ${models.map((model) => html`<li><code>${model}</code></li>`)}
  </ul>`;
}

/** Which models, why these, and what the fold of a long list is called, so that it stays open over an update. */
export interface ModelsFact {
  readonly term?: string;
  readonly models: Pick<EffectiveModels, 'all_models' | 'models'>;
  readonly why?: string | undefined;
  readonly keep: string;
}

function renderList(models: readonly string[], keep: string): Html {
  const hidden = models.slice(MODELS_AT_ONCE);
  return html`${renderChips(models.slice(0, MODELS_AT_ONCE))}
  ${
    hidden.length > 0 &&
    html`<details class="more" data-keep="${keep}">
      <summary data-keep="${keep}-toggle">${formatCount(hidden.length)} more</summary>
      ${renderChips(hidden)}
    </details>`
  }`;
}

/** Gives the models as a fact; a long list is folded. */
export function renderModels({ term = 'Models', models: effective, why, keep }: ModelsFact): Html {
  if (effective.all_models) return renderFact({ term, value: 'All models of the proxy', why: [why] });
  if (effective.models.length === 0) return renderFact({ term, value: 'No models', why: [why] });
  const isWide = effective.models.length > MODELS_IN_A_COLUMN;
  return renderFact({ term, value: renderList(effective.models, keep), why: [why], isWide });
}

/** A budget with what is spent against it, as words and as a gauge. Amounts in USD. */
export interface Spending {
  readonly spend: number;
  readonly max_budget?: number;
  readonly budget_duration?: string;
}

function renderGauge(spend: number, budget: number): Html {
  const percent = budget > 0 ? Math.min(100, Math.max(0, (spend / budget) * 100)) : 100;
  return html`<svg class="gauge${spend > budget && ' over'}" aria-hidden="true" focusable="false">
    <rect class="rest" width="100%" height="100%" />
    <rect class="used" width="${percent.toFixed(2)}%" height="100%" />
  </svg>`;
}

/** Gives the budget as a fact, with its gauge where there is a limit to spend against; `spentBy` names who spends. */
export function renderSpending(spending: Spending, spentBy: string, why?: string): Html {
  const { spend, max_budget: budget, budget_duration: duration } = spending;
  const limit = html`<strong>${formatBudget(budget, duration)}</strong>`;
  const spent = `${formatUsd(spend)} spent${spentBy}`;
  if (budget === undefined) return renderFact({ term: 'Budget', value: limit, why: [`${spent}.`, why] });
  const rest = spend > budget ? `${formatUsd(spend - budget)} over` : `${formatUsd(budget - spend)} left`;
  const value = html`${limit}${renderGauge(spend, budget)}`;
  return renderFact({ term: 'Budget', value, why: [`${spent}, ${rest}.`, why] });
}

/** Gives a rate limit in words: `120,000 tokens per min`, `No limit on tokens`. */
export function formatRate(limit: number | undefined, noun: 'tokens' | 'requests'): string {
  return limit === undefined ? `No limit on ${noun}` : `${formatCount(limit)} ${noun} per min`;
}
