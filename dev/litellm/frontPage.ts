/** The page that shows the rows of the emulator, and who added them. */
import { html, renderPage } from '../emulator/html.ts';
import type { Markup } from '../emulator/html.ts';
import type { Parts } from './handleCall.ts';
import type { AddedBy, Organization, Team } from './proxyData.ts';
import type { RecordedRequest } from './recordedRequest.ts';

/** More than a person reads. The page only counts the rest. */
const maxListed = 200;
const maxCalls = 20;

const origins: Readonly<Record<AddedBy, string>> = {
  call: 'a call of the API',
  proxy: 'LiteLLM itself',
  hand: 'an administrator, by hand',
};

/** Renders organizations with their members and teams, teams without an organization, and the last calls. */
export function renderFrontPage(parts: Parts): string {
  const { store, requests, version } = parts;
  // Organizations with members come first. A sample directory has hundreds of organizations and few people.
  const peopleIn = ({ organization_id: id }: { readonly organization_id: string }): number =>
    store.organizationMembers.get(id)?.size ?? 0;
  const organizations = [...store.organizations.values()].sort((a, b) => peopleIn(b) - peopleIn(a));
  const loose = [...store.teams.values()].filter(
    (team) => !store.organizations.has(team.organization_id ?? ''),
  );
  const calls = requests.all.slice(-maxCalls).toReversed();
  return renderPage({
    title: 'LiteLLM',
    banner: html`<strong>Local emulator of LiteLLM’s management API</strong>, as version ${version} answers.`,
    body: html`<h1>What is in LiteLLM</h1>
      <p class="quiet">
        ${count(store.organizations.size, 'organization')}, ${count(store.teams.size, 'team')},
        ${count(store.users.size, 'user')}, ${count(store.keys.size, 'key')}. You can change them at
        <code>/control/state</code> and <code>/control/settings</code>, and switch on faults at
        <code>/control/faults</code>.
      </p>
      ${organizations.slice(0, maxListed).map((row) => renderOrganization(parts, row))}
      ${loose.length > 0 && renderLoose(parts, loose)} ${calls.length > 0 && renderCalls(calls)}`,
  });
}

const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`;

function renderLoose(parts: Parts, teams: readonly Team[]): Markup {
  return html`<section>
    <h2>Teams without an organization</h2>
    ${teams.slice(0, maxListed).map((team) => renderTeam(parts, team))}
  </section>`;
}

function renderOrganization(parts: Parts, row: Organization): Markup {
  const { store } = parts;
  const id = row.organization_id;
  const members = [...store.membersOf(id).values()].map((member) => ({
    userId: member.user_id,
    role: member.user_role,
    path: `organization/${id}/${member.user_id}`,
  }));
  const teams = store.teamsOf(id);
  return html`<section>
    <h2><bdi>${row.organization_alias}</bdi></h2>
    ${renderFacts(parts, { id, path: `organization/${id}`, models: row.models, maxBudget: store.budgets.get(row.budget_id)?.max_budget ?? null })}
    ${renderMembers(parts, members)} ${teams.slice(0, maxListed).map((team) => renderTeam(parts, team))}
  </section>`;
}

function renderTeam(parts: Parts, team: Team): Markup {
  const id = team.team_id;
  const members = team.members_with_roles.map((member) => ({
    userId: member.user_id ?? '',
    role: member.role,
    path: `team/${id}/${member.user_id}`,
  }));
  return html`<section>
    <h3>Team <bdi>${team.team_alias ?? id}</bdi></h3>
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

function renderFacts(parts: Parts, { id, path, models, maxBudget }: Facts): Markup {
  return html`<p class="quiet">
    <code>${id}</code>, added by ${renderOrigin(parts, path)}. Models:
    ${models.length === 0 ? 'none listed' : models.join(', ')}. Budget:
    ${maxBudget === null ? 'none' : String(maxBudget)}.
  </p>`;
}

const renderOrigin = ({ store }: Parts, path: string): string => origins[store.addedBy.get(path) ?? 'proxy'];

interface Member {
  readonly userId: string;
  readonly role: string;
  readonly path: string;
}

function renderMembers(parts: Parts, members: readonly Member[]): Markup {
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
                <td>${renderEmail(parts.store.users.get(member.userId)?.user_email)}</td>
                <td>${member.role}</td>
                <td>${renderOrigin(parts, member.path)}</td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
    ${more > 0 && html`<p class="quiet">And ${more} more.</p>`}`;
}

function renderEmail(email: string | null | undefined): Markup | undefined {
  return email === undefined || email === null ? undefined : html`<bdi>${email}</bdi>`;
}

function renderCalls(calls: readonly RecordedRequest[]): Markup {
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
