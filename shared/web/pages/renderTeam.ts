import type { EffectiveNumber, EffectiveReason, TeamAccess } from '../../model/access.ts';
import { formatBudget, formatUsd } from './formatBudget.ts';
import { html, type Html, renderName } from './html.ts';
import { teamRoleTexts } from './provisioningTexts.ts';
import { formatRate, renderFact, renderModels, renderSpending } from './renderFact.ts';
import { renderPresence } from './renderLitellm.ts';

/** A team, and its heading's level: 4 below its organization, 3 for a standalone team. */
export interface TeamRow {
  readonly team: TeamAccess;
  readonly level: 3 | 4;
}

function explainModels({ effective_models: effective }: TeamAccess): string | undefined {
  const isNone = !effective.all_models && effective.models.length === 0;
  const reasons: Readonly<Record<EffectiveReason, string | undefined>> = {
    own: 'Set on this team.',
    inherited: 'Inherited from the organization.',
    limited: isNone
      ? 'The organization allows none of this team’s models.'
      : 'The team has more models. These are the ones that its organization allows.',
    unlimited: undefined,
  };
  return reasons[effective.reason];
}

function explainBudget(team: TeamAccess): string | undefined {
  const own = team.max_budget === undefined ? '' : `. The team’s own limit is ${formatUsd(team.max_budget)}`;
  const reasons: Readonly<Record<EffectiveReason, string | undefined>> = {
    own: 'Set on this team.',
    inherited: 'Inherited from the organization.',
    limited: `Limited by the organization${own}.`,
    unlimited: undefined,
  };
  return reasons[team.effective_max_budget.reason];
}

/**
 * Renders the budget. A budget that all teams of the organization share has its gauge at the organization. The team
 * shows its own spending.
 */
function renderBudget(team: TeamAccess): Html {
  const { value, budget_duration: duration, shared_by: sharedBy } = team.effective_max_budget;
  const why = explainBudget(team);
  if (value === undefined || sharedBy === 'team') {
    const limit = {
      ...(value !== undefined && { max_budget: value }),
      ...(duration !== undefined && { budget_duration: duration }),
    };
    return renderSpending({ spend: team.spend, ...limit }, '', why);
  }
  return renderFact({
    term: 'Budget',
    value: html`<strong>${formatBudget(value, duration)}</strong>`,
    why: [`${formatUsd(team.spend)} spent by this team.`, why, 'Shared by all teams of the organization.'],
  });
}

const LIMIT_REASONS: Readonly<Record<EffectiveReason, string | undefined>> = {
  own: 'Set on this team.',
  inherited: 'Inherited from the organization.',
  limited: 'Limited by the organization.',
  unlimited: undefined,
};

function renderLimit(limit: EffectiveNumber, noun: 'tokens' | 'requests'): Html {
  return html`<p>${formatRate(limit.value, noun)}</p>`;
}

/** Renders both rate limits. If they have the same reason, it is shown once. */
function renderLimits(team: TeamAccess): Html {
  const { effective_tpm_limit: tokens, effective_rpm_limit: requests } = team;
  if (tokens.value === undefined && requests.value === undefined) {
    return renderFact({ term: 'Rate limits', value: 'None' });
  }
  const [whyTokens, whyRequests] = [LIMIT_REASONS[tokens.reason], LIMIT_REASONS[requests.reason]];
  const isOneReason = whyTokens === whyRequests;
  const why = whyTokens !== undefined && !isOneReason && html`<p class="why">${whyTokens}</p>`;
  return renderFact({
    term: 'Rate limits',
    value: html`${renderLimit(tokens, 'tokens')}${why}${renderLimit(requests, 'requests')}`,
    why: [whyRequests],
  });
}

function renderHead({ team, level }: TeamRow): Html {
  const name = renderName(team.team_alias);
  return html`<div class="entity-head">
    <p class="kind">Team</p>
    ${level === 3 ? html`<h3>${name}</h3>` : html`<h4>${name}</h4>`}
    <span class="tag ${team.role === 'admin' && 'strong'}">${teamRoleTexts[team.role]}</span>
    ${team.degraded && html`<span class="tag warn">No organization for now</span>`}
  </div>`;
}

/** Renders one team: role, effective models, budget and limits, with the reason for each. */
export function renderTeam(row: TeamRow): Html {
  const { team, level } = row;
  const owner = level === 3 ? (team.organization_alias ?? team.organization_id) : undefined;
  return html`<li class="team entity pad stack">
    <div class="stack-tight">
      ${renderHead(row)}
      <p class="mono id">${team.team_id}</p>
      ${renderPresence(team.litellm)}
      ${owner !== undefined && html`<p class="why">Belongs to organization ${renderName(owner)}.</p>`}
      ${
        team.degraded &&
        html`<p class="why">We couldn’t create its organization yet. We’ll link them as soon as we can.</p>`
      }
    </div>
    <dl class="facts">
      ${renderModels({ models: team.effective_models, why: explainModels(team), keep: `models team ${team.team_id}` })}
      ${renderBudget(team)} ${renderLimits(team)}
    </dl>
  </li>`;
}
