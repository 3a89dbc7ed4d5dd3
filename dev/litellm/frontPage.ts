/** The page that shows a person what is in the proxy, and who put it there. No script, nothing loaded. */
import { html, renderToString, trustMarkup } from '../../shared/web/pages/html.ts';
import type { Html } from '../../shared/web/pages/html.ts';
import type { AddedBy, Organization, Team } from './proxyData.ts';
import type { RecordedRequest } from './requestRecord.ts';
import type { Parts } from './server.ts';

/** More than a person reads; the rest is counted. */
const maxListed = 200;
const maxCalls = 20;

const style = trustMarkup(`
:root { color-scheme: light dark; --line: light-dark(#c3c8cf, #4a515a); --soft: light-dark(#f3f5f8, #20242a);
  --page: light-dark(#ffffff, #14171b); --text: light-dark(#16191d, #f1f3f5); --quiet: light-dark(#4d545d, #b4bbc4) }
* { box-sizing: border-box }
body { margin: 0; background: var(--page); color: var(--text); font: 16px/1.5 system-ui, sans-serif }
header { border-bottom: 4px double var(--line); background: var(--soft); padding: .6rem 1rem; font-size: .9rem }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 3rem }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .5rem } h2 { font-size: 1.15rem; margin: 2rem 0 .25rem }
p { margin: .25rem 0 .75rem } .quiet { color: var(--quiet) } .scroll { overflow-x: auto }
section section { margin-inline-start: 1rem; padding-inline-start: 1rem; border-inline-start: 2px solid var(--line) }
h3 { font-size: 1rem; margin: 1rem 0 .25rem }
table { border-collapse: collapse; width: 100%; font-size: .9rem }
th, td { text-align: start; padding: .3rem .75rem .3rem 0; border-bottom: 1px solid var(--line); overflow-wrap: anywhere }
`);

const origins: Readonly<Record<AddedBy, string>> = {
  call: 'a call of the API',
  proxy: 'the proxy itself',
  hand: 'an admin, by hand',
};

/** Gives the page: organizations with their members and teams, teams without one, and the last calls. */
export function renderFrontPage(parts: Parts): string {
  const { store, requests, profile } = parts;
  // Where the people are first: a sample directory has hundreds of organizations and few people.
  const peopleIn = ({ organization_id: id }: { readonly organization_id: string }): number =>
    store.organizationMembers.get(id)?.size ?? 0;
  const organizations = [...store.organizations.values()].sort((a, b) => peopleIn(b) - peopleIn(a));
  const loose = [...store.teams.values()].filter(
    (team) => !store.organizations.has(team.organization_id ?? ''),
  );
  const calls = requests.all.slice(-maxCalls).toReversed();
  return renderToString(
    html`<!doctype html>
      <html lang="en">
        <head>
          <meta charset="utf-8" />
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <title>LiteLLM – local emulator</title>
          <style>
            ${style}
          </style>
        </head>
        <body>
          <header>
            <strong>Local emulator of LiteLLM’s management API</strong>, as the ${profile} versions answer.
          </header>
          <main>
            <h1>What is in the proxy</h1>
            <p class="quiet">
              ${count(store.organizations.size, 'organization')}, ${count(store.teams.size, 'team')},
              ${count(store.users.size, 'user')}, ${count(store.keys.size, 'key')}. Change them and the faults
              at
              <code>/control/state</code> and <code>/control/faults</code>.
            </p>
            ${organizations.slice(0, maxListed).map((row) => renderOrganization(parts, row))}
            ${loose.length > 0 && renderLoose(parts, loose)} ${calls.length > 0 && renderCalls(calls)}
          </main>
        </body>
      </html>`,
  );
}

const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`;

function renderLoose(parts: Parts, teams: readonly Team[]): Html {
  return html`<section>
    <h2>Teams without an organization</h2>
    ${teams.slice(0, maxListed).map((team) => renderTeam(parts, team))}
  </section>`;
}

function renderOrganization(parts: Parts, row: Organization): Html {
  const { store } = parts;
  const id = row.organization_id;
  const members = [...store.membersOf(id).values()].map((member) => ({
    userId: member.user_id,
    role: member.user_role,
    path: `organization/${id}/${member.user_id}`,
  }));
  const teams = store.teamsOf(id);
  return html`<section>
    <h2>${row.organization_alias}</h2>
    ${renderFacts(parts, { id, path: `organization/${id}`, models: row.models, maxBudget: store.budgets.get(row.budget_id)?.max_budget ?? null })}
    ${renderMembers(parts, members)} ${teams.slice(0, maxListed).map((team) => renderTeam(parts, team))}
  </section>`;
}

function renderTeam(parts: Parts, team: Team): Html {
  const id = team.team_id;
  const members = team.members_with_roles.map((member) => ({
    userId: member.user_id ?? '',
    role: member.role,
    path: `team/${id}/${member.user_id}`,
  }));
  return html`<section>
    <h3>Team ${team.team_alias ?? id}</h3>
    ${renderFacts(parts, { id, path: `team/${id}`, models: team.models, maxBudget: team.max_budget })}
    ${renderMembers(parts, members)}
  </section>`;
}

interface Facts {
  readonly id: string;
  readonly path: string;
  readonly models: readonly string[];
  readonly maxBudget: number | null;
}

function renderFacts(parts: Parts, { id, path, models, maxBudget }: Facts): Html {
  return html`<p class="quiet">
    <code>${id}</code>, made by ${renderOrigin(parts, path)}. Models:
    ${models.length === 0 ? 'no list' : models.join(', ')}. Budget:
    ${maxBudget === null ? 'none' : String(maxBudget)}.
  </p>`;
}

const renderOrigin = ({ store }: Parts, path: string): string => origins[store.addedBy.get(path) ?? 'proxy'];

interface Member {
  readonly userId: string;
  readonly role: string;
  readonly path: string;
}

function renderMembers(parts: Parts, members: readonly Member[]): Html {
  if (members.length === 0) return html`<p class="quiet">No members.</p>`;
  const more = members.length - maxListed;
  return html`<div class="scroll">
      <table>
        <thead>
          <tr>
            <th scope="col">Member</th>
            <th scope="col">Email</th>
            <th scope="col">Role</th>
            <th scope="col">Added by</th>
          </tr>
        </thead>
        <tbody>
          ${members.slice(0, maxListed).map(
            (member) =>
              html`<tr>
                <td><code>${member.userId}</code></td>
                <td>${parts.store.users.get(member.userId)?.user_email ?? ''}</td>
                <td>${member.role}</td>
                <td>${renderOrigin(parts, member.path)}</td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
    ${more > 0 && html`<p class="quiet">And ${more} more.</p>`}`;
}

function renderCalls(calls: readonly RecordedRequest[]): Html {
  return html`<section>
    <h2>The last calls</h2>
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th scope="col">At</th>
            <th scope="col">Call</th>
            <th scope="col">Status</th>
            <th scope="col">Warnings</th>
          </tr>
        </thead>
        <tbody>
          ${calls.map(
            (call) =>
              html`<tr>
                <td>${call.at}</td>
                <td><code>${call.method} ${call.path}</code></td>
                <td>${call.status === 0 ? 'none' : call.status}</td>
                <td>${call.warnings.join('; ')}</td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
  </section>`;
}
