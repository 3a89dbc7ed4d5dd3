import type { EffectiveModels } from '../../model/access.ts';
import { formatBudget, formatCount, formatUsd } from './formatBudget.ts';
import { html, type Html, type HtmlValue, renderName } from './html.ts';

/** This many models are shown at once. The others open on demand. */
const MODELS_AT_ONCE = 12;

/** A list of more models takes the whole width. */
const MODELS_IN_A_COLUMN = 4;

/** One fact of an entity: a term, its value, and lines that explain it. Part of a `dl`. */
export interface Fact {
  readonly term: string;
  readonly value: HtmlValue;
  /** Lines below the value; `undefined` and `false` are left out. */
  readonly why?: readonly (Html | string | undefined | false)[];
  /** Takes the whole width: a long list. */
  readonly isWide?: boolean;
}

/** Renders a fact as a pair of a `dl`. */
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
    ${models.map((model) => html`<li><code>${renderName(model)}</code></li>`)}
  </ul>`;
}

/** The models, the reason, and the name of a long list's details element, which keeps it open over an update. */
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

/** Renders the models as a fact. A long list is folded. */
export function renderModels({ term = 'Models', models: effective, why, keep }: ModelsFact): Html {
  if (effective.all_models) return renderFact({ term, value: 'All models of the proxy', why: [why] });
  if (effective.models.length === 0) return renderFact({ term, value: 'No models', why: [why] });
  const isWide = effective.models.length > MODELS_IN_A_COLUMN;
  return renderFact({ term, value: renderList(effective.models, keep), why: [why], isWide });
}

/** A budget and the amount spent, in USD, as words and as a gauge. */
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

/** Renders the budget as a fact, with a gauge if it has a limit. `spentBy` says whose spending it is. */
export function renderSpending(spending: Spending, spentBy: string, why?: string): Html {
  const { spend, max_budget: budget, budget_duration: duration } = spending;
  const limit = html`<strong>${formatBudget(budget, duration)}</strong>`;
  const spent = `${formatUsd(spend)} spent${spentBy}`;
  if (budget === undefined) return renderFact({ term: 'Budget', value: limit, why: [`${spent}.`, why] });
  const rest = spend > budget ? `${formatUsd(spend - budget)} over` : `${formatUsd(budget - spend)} left`;
  const value = html`${limit}${renderGauge(spend, budget)}`;
  return renderFact({ term: 'Budget', value, why: [`${spent}, ${rest}.`, why] });
}

/** Formats a rate limit: `120,000 tokens per min`, `No limit on tokens`. */
export function formatRate(limit: number | undefined, noun: 'tokens' | 'requests'): string {
  return limit === undefined ? `No limit on ${noun}` : `${formatCount(limit)} ${noun} per min`;
}
