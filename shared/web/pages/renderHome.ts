import type { MyAccess, ProvisioningStatus, TeamAccess, UserAccess } from '../../model/access.ts';
import { formatBudget, formatCount } from './formatBudget.ts';
import { text as homeScript } from './client/home.ts?text';
import { litellmKey, progressKey } from './client/progressKey.ts';
import { html, type Html, renderName } from './html.ts';
import { globalRoleTexts } from './provisioningTexts.ts';
import { renderDocument } from './renderDocument.ts';
import { renderFact, renderModels } from './renderFact.ts';
import { findSyncing, renderNoProxy, renderPresence } from './renderLitellm.ts';
import { renderProxy } from './renderProxy.ts';
import { renderOrganization } from './renderOrganization.ts';
import { findProgressTitle, isUnderWay, renderProgress, renderReports } from './renderProgress.ts';
import { renderRestingKeys } from './renderRestingKeys.ts';
import { renderTeam } from './renderTeam.ts';

/** How often a browser without scripts reloads the page. */
const RELOAD_PENDING_SECONDS = 5;
const RELOAD_WAITING_SECONDS = 60;
/** LiteLLM may be down for hours. */
const RELOAD_SYNCING_SECONDS = { pending: 60, waiting: 300 } as const;

export interface HomePage {
  readonly nonce: string;
  readonly access: MyAccess;
}

function renderAccount(user: UserAccess): Html {
  const name = user.user_email ?? user.display_name;
  return html`<div class="account">
    <span class="account-name muted small">${name !== undefined && renderName(name)}</span>
    <form method="post" action="/sso/logout">
      <button class="button compact" type="submit">Sign out</button>
    </form>
  </div>`;
}

function renderUser({ user, litellm }: MyAccess): Html {
  const budget =
    user.max_budget === undefined ? undefined : formatBudget(user.max_budget, user.budget_duration);
  return html`<section class="card you" aria-labelledby="you-title">
    <div class="pad stack">
      <h2 id="you-title">You</h2>
      <dl class="facts">
        ${user.display_name !== undefined && renderFact({ term: 'Name', value: renderName(user.display_name) })}
        ${renderFact({
          term: 'Email',
          value: user.user_email === undefined ? 'Not known' : renderName(user.user_email),
        })}
        ${renderFact({
          term: 'Role on the proxy',
          value: globalRoleTexts[user.user_role],
          why: [html`<code>${user.user_role}</code>`],
        })}
        ${budget !== undefined && renderFact({ term: 'Personal budget', value: budget })}
        ${
          user.models.length > 0 &&
          renderModels({
            term: 'Personal models',
            models: { all_models: false, models: user.models },
            keep: 'models user',
          })
        }
        ${renderFact({ term: 'User id', value: html`<code class="id">${user.user_id}</code>` })}
        ${renderNoProxy(litellm)}
      </dl>
      ${renderPresence(user.litellm)}
    </div>
  </section>`;
}

const EMPTY_TEXTS: Readonly<Record<Exclude<ProvisioningStatus, 'done'>, string>> = {
  pending: 'They appear here as soon as they’re ready. You don’t need to reload the page.',
  waiting: 'They appear here as soon as they’re ready. You don’t need to reload the page.',
  failed: 'We haven’t set up anything for you yet.',
  superseded: 'We haven’t set up anything for you yet.',
};

function renderEmpty({ user, provisioning }: MyAccess): Html {
  if (provisioning.status !== 'done') {
    return html`<section class="card pad stack" aria-labelledby="empty-title">
      <h2 id="empty-title">Organizations and teams</h2>
      <p class="muted">${EMPTY_TEXTS[provisioning.status]}</p>
    </section>`;
  }
  return html`<section class="card pad stack" aria-labelledby="empty-title">
    <h2 id="empty-title">No organizations or teams yet</h2>
    <p>Your sign-in works, but none of your groups is connected to LiteLLM.</p>
    <ol class="steps">
      <li>
        <p>
          Ask an Entra administrator to add you to a group that is assigned to this application. Be a direct
          member. Being in a nested group doesn’t count.
        </p>
      </li>
      <li>
        <p>Give them your user id: <code>${user.user_id}</code></p>
      </li>
      <li>
        <p>
          Then <a href="/sso/login" data-keep="empty-action">sign in again</a>, so that your groups are read
          again.
        </p>
      </li>
    </ol>
  </section>`;
}

function renderSection(
  title: string,
  list: Html,
  options: { readonly id: string; readonly count: number },
): Html {
  return html`<section class="stack" aria-labelledby="${options.id}">
    <div class="section-head">
      <h2 id="${options.id}">${title}</h2>
      <span class="count">${formatCount(options.count)}</span>
    </div>
    ${list}
  </section>`;
}

function renderTeams(title: string, id: string, teams: readonly TeamAccess[]): Html {
  if (teams.length === 0) return html``;
  const list = html`<ul class="card">
    ${teams.map((team) => renderTeam({ team, level: 3 }))}
  </ul>`;
  return renderSection(title, list, { id, count: teams.length });
}

function renderAccess(access: MyAccess): Html {
  const { organizations, teams } = access;
  if (organizations.length === 0 && teams.length === 0) return renderEmpty(access);
  const known = new Set(organizations.map((each) => each.organization_id));
  const standalone = teams.filter((team) => team.organization_id === undefined);
  const elsewhere = teams.filter(
    (team) => team.organization_id !== undefined && !known.has(team.organization_id),
  );
  const list = html`<ul class="stack">
    ${organizations.map((each) =>
      renderOrganization(
        each,
        teams.filter((team) => team.organization_id === each.organization_id),
      ),
    )}
  </ul>`;
  return html`${
    organizations.length > 0 &&
    renderSection('Organizations', list, { id: 'organizations-title', count: organizations.length })
  }
  ${renderTeams('Standalone teams', 'standalone-title', standalone)}
  ${renderTeams('Teams of other organizations', 'elsewhere-title', elsewhere)}`;
}

function findReloadSeconds(access: MyAccess): number | undefined {
  const syncing = findSyncing(access);
  if (syncing !== undefined) return RELOAD_SYNCING_SECONDS[syncing];
  if (!isUnderWay(access.provisioning)) return undefined;
  return access.provisioning.status === 'pending' ? RELOAD_PENDING_SECONDS : RELOAD_WAITING_SECONDS;
}

/**
 * Renders the signed-in person's page: progress, organizations with their teams, standalone teams, their own user.
 * While the setup or the update of LiteLLM is under way, the page updates itself, by its script or, without scripts,
 * by reloading.
 */
export function renderHome({ nonce, access }: HomePage): string {
  const { user, provisioning, litellm } = access;
  const name = user.display_name ?? user.user_email;
  const seconds = findReloadSeconds(access);
  const nextTryAt = (isUnderWay(provisioning) ? provisioning : litellm).next_try_at;
  const main = html`<main
    id="main"
    tabindex="-1"
    data-status="${provisioning.status}"
    data-observation="${provisioning.id}"
    data-progress="${progressKey(provisioning)}"
    data-litellm="${litellmKey(litellm)}"
    data-syncing="${findSyncing(access)}"
    data-next-try="${nextTryAt}"
  >
    <div class="greeting">
      <h1>${name === undefined ? 'Welcome' : html`Hello, ${renderName(name)}`}</h1>
      <p class="muted">What you can use through LiteLLM, from your Microsoft Entra groups.</p>
    </div>
    ${renderProgress(access)} ${renderReports(access)}
    <div class="columns">
      <div class="stack-wide">${renderAccess(access)} ${renderRestingKeys(access.resting_keys)}</div>
      <div class="stack-wide">${renderUser(access)} ${renderProxy(litellm.proxy)}</div>
    </div>
  </main>`;
  return renderDocument({
    nonce,
    title: isUnderWay(provisioning) ? findProgressTitle(access) : 'Your access',
    main,
    account: renderAccount(user),
    script: homeScript,
    ...(seconds !== undefined && {
      head: html`<noscript><meta http-equiv="refresh" content="${seconds}" /></noscript>`,
    }),
  });
}
