import type { RestingKeyAccess } from '../../model/access.ts';
import { html, type Html, renderName } from './html.ts';
import { renderInstant } from './renderInstant.ts';

const WHY: Readonly<Record<RestingKeyAccess['why'], string>> = {
  left_team: 'It stopped working because you are no longer in the team.',
  no_membership: 'It stopped working because you aren’t in the team.',
  returning: 'You are in the team again, so it works again soon. You don’t need to do anything.',
  refused:
    'You are in the team again, but LiteLLM doesn’t accept the key there. Its models may no longer fit. Ask the LiteLLM admin.',
};

function renderUntil({ until }: RestingKeyAccess): Html {
  if (until === undefined) return html``;
  return html` If you come back before ${renderInstant(until, 'minutes')}, the same key works again. After
  that we may delete it.`;
}

function renderKey(key: RestingKeyAccess): Html {
  const { name, alias, team_id: teamId, team_alias: teamAlias, why } = key;
  return html`<li class="pad stack">
    <h3><code>${name}</code>${alias !== undefined && html` (${renderName(alias)})`}</h3>
    <p>Team: ${renderName(teamAlias ?? teamId)}</p>
    <p>${WHY[why]}${renderUntil(key)}</p>
  </li>`;
}

/** Renders the person's keys that rest: which, from which team, why, and until when. Nothing if there are none. */
export function renderRestingKeys(keys: readonly RestingKeyAccess[] = []): Html {
  if (keys.length === 0) return html``;
  return html`<section class="stack" aria-labelledby="resting-title">
    <div class="section-head">
      <h2 id="resting-title">Keys that rest</h2>
      <span class="count">${String(keys.length)}</span>
    </div>
    <ul class="card">
      ${keys.map((key) => renderKey(key))}
    </ul>
  </section>`;
}
