import type { OrganizationAccess, TeamAccess } from '../../model/access.ts';
import { html, type Html, renderName } from './html.ts';
import { organizationRoleTexts } from './provisioningTexts.ts';
import { formatRate, renderFact, renderModels, renderSpending } from './renderFact.ts';
import { renderPresence } from './renderLitellm.ts';
import { renderTeam } from './renderTeam.ts';

function renderLimits({ tpm_limit: tokens, rpm_limit: requests }: OrganizationAccess): Html {
  const isUnlimited = tokens === undefined && requests === undefined;
  const value = html`<p>${formatRate(tokens, 'tokens')}</p>
    <p>${formatRate(requests, 'requests')}</p>`;
  return renderFact({ term: 'Rate limits', value: isUnlimited ? 'None' : value });
}

/** Renders one organization with the person's teams in it, in the order given. */
export function renderOrganization(organization: OrganizationAccess, teams: readonly TeamAccess[]): Html {
  const isAdmin = organization.user_role === 'org_admin';
  return html`<li class="card entity">
    <div class="pad stack">
      <div class="stack-tight">
        <div class="entity-head">
          <p class="kind">Organization</p>
          <h3>${renderName(organization.organization_alias)}</h3>
          <span class="tag ${isAdmin && 'strong'}">${organizationRoleTexts[organization.user_role]}</span>
        </div>
        <p class="mono id">${organization.organization_id}</p>
        ${renderPresence(organization.litellm)}
      </div>
      <dl class="facts">
        ${renderModels({ models: organization.effective_models, keep: `models organization ${organization.organization_id}` })}
        ${renderSpending(organization, ' by all its teams')} ${renderLimits(organization)}
      </dl>
    </div>
    ${
      teams.length === 0
        ? html`<p class="nested pad why">You aren’t in any of its teams.</p>`
        : html`<ul class="nested">
            ${teams.map((team) => renderTeam({ team, level: 4 }))}
          </ul>`
    }
  </li>`;
}
