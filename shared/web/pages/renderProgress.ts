import type { GlobalRole } from '../../model/entities.ts';
import type {
  LitellmProgress,
  MyAccess,
  ProvisioningProgress,
  ProvisioningStatus,
  Reported,
} from '../../model/access.ts';
import { formatCounted } from './formatBudget.ts';
import { html, type Html, renderName } from './html.ts';
import { statusIcons } from './icons.ts';
import { findReasonText, reportTexts } from './provisioningTexts.ts';
import { renderInstant } from './renderInstant.ts';
import { renderSync } from './renderLitellm.ts';

/** The look of the card: the status, a finished run with exceptions, or one without any organization or team. */
type Look = ProvisioningStatus | 'exceptions' | 'none';

/** The heading of a finished run while LiteLLM isn't up to date. */
const LITELLM_TITLES: Readonly<Record<Exclude<NonNullable<LitellmProgress['status']>, 'done'>, string>> = {
  pending: 'Almost ready: LiteLLM is being updated',
  waiting: 'Almost ready: LiteLLM is being updated',
  failed: 'Ready here. LiteLLM needs attention.',
  unknown: 'Ready here. LiteLLM needs attention.',
};

const TITLES: Readonly<Record<Look, string>> = {
  pending: 'Setting up your access',
  waiting: 'Setup is waiting',
  done: 'Your access is up to date',
  exceptions: 'Set up, with exceptions',
  none: 'You are signed in',
  failed: 'Setup failed',
  superseded: 'A newer sign-in took over',
};

function findLook(access: MyAccess): Look {
  const { provisioning, litellm } = access;
  const { status, reported } = provisioning;
  const needsAttention = reported.length > 0 || litellm.status === 'failed' || litellm.status === 'unknown';
  if (status !== 'done') return status;
  if (needsAttention) return 'exceptions';
  return access.organizations.length + access.teams.length === 0 ? 'none' : 'done';
}

/** Returns the progress in a few words: its heading, and the page's title while it is under way. */
export function findProgressTitle(access: MyAccess): string {
  const { status, reported } = access.provisioning;
  const { status: litellmStatus = 'done' } = access.litellm;
  const isLitellmBehind = status === 'done' && reported.length === 0 && litellmStatus !== 'done';
  return isLitellmBehind ? LITELLM_TITLES[litellmStatus] : TITLES[findLook(access)];
}

/** Whether the progress can still change by itself, so that asking again is useful. */
export function isUnderWay({ status }: ProvisioningProgress): boolean {
  return status === 'pending' || status === 'waiting';
}

/** What somebody without an organization or team may do, by role. */
const NO_TEAM_TEXTS: Readonly<Record<GlobalRole, string>> = {
  proxy_admin: 'You administer the LiteLLM proxy. You are in no organization or team.',
  proxy_admin_viewer: 'You can see everything in the LiteLLM proxy. You are in no organization or team.',
  internal_user: 'You are in no organization or team yet.',
  internal_user_viewer: 'You have no access to models yet.',
};

function describeDone({ granted = 0, removed = 0 }: ProvisioningProgress): string {
  if (granted === 0 && removed === 0) return 'No changes since your last sign-in.';
  const parts = [
    granted > 0 && `${formatCounted(granted, 'membership')} granted`,
    removed > 0 && `${formatCounted(removed, 'membership')} removed`,
  ];
  return `${parts.filter(Boolean).join(', ')}.`;
}

function describeNone({ user, provisioning }: MyAccess): string {
  const text = NO_TEAM_TEXTS[user.user_role];
  return (provisioning.removed ?? 0) > 0 ? `${text} ${describeDone(provisioning)}` : text;
}

function describe(access: MyAccess): string {
  const { provisioning: progress } = access;
  const reason = progress.reason === undefined ? '' : `${findReasonText(progress.reason)} `;
  const texts: Readonly<Record<ProvisioningStatus, string>> = {
    pending:
      reason === ''
        ? 'We turn your groups into organizations, teams and memberships. This takes a few seconds.'
        : `${reason}We’re trying again.`,
    waiting: `${reason}It continues automatically. You can close this page.`,
    done: findLook(access) === 'none' ? describeNone(access) : describeDone(progress),
    failed: `${reason}Your existing access stays as it is.`,
    superseded: `${reason}It has a newer list of your groups.`,
  };
  return texts[progress.status];
}

function renderTimes(progress: ProvisioningProgress): Html {
  const { observed_at: observedAt, updated_at: updatedAt, attempts = 0, next_try_at: nextTryAt } = progress;
  const isMoving = isUnderWay(progress);
  return html`<p class="meta muted small">
    ${observedAt !== undefined && progress.status !== 'waiting' && html`<span>Groups as of ${renderInstant(observedAt)}</span>`}
    ${updatedAt !== undefined && !isMoving && html`<span>Finished ${renderInstant(updatedAt)}</span>`}
    ${nextTryAt !== undefined && isMoving && html`<span>Next try ${renderInstant(nextTryAt)}</span>`}
    ${attempts > 0 && html`<span>Tried ${formatCounted(attempts, 'time')}</span>`}
  </p>`;
}

/** Renders what an operator asks for: the reasons' codes and the observation's id. */
function renderCodes({ provisioning, litellm }: MyAccess): Html {
  const { reason, id } = provisioning;
  if (reason === undefined && id === undefined && litellm.reason === undefined) return html``;
  return html`<details class="more" data-keep="progress">
    <summary data-keep="progress-toggle">For the operator</summary>
    <p class="meta muted small">
      ${reason !== undefined && html`<span>Reason <code>${reason}</code></span>`}
      ${litellm.reason !== undefined && html`<span>LiteLLM <code>${litellm.reason}</code></span>`}
      ${id !== undefined && html`<span>Reference <code>${id}</code></span>`}
    </p>
  </details>`;
}

function renderAction({ status }: ProvisioningProgress): Html {
  if (status === 'failed') {
    return html`<p class="actions">
      <a class="button compact" href="/sso/login" data-keep="progress-action">Sign in again</a>
    </p>`;
  }
  if (status !== 'superseded') return html``;
  return html`<p class="actions">
    <a class="button compact" href="/" data-keep="progress-action">Show its result</a>
  </p>`;
}

/** Returns the entity's name if the person can see it. */
function findName(report: Reported, access: MyAccess): string | undefined {
  const organization = access.organizations.find((each) => each.organization_id === report.id);
  const team = access.teams.find((each) => each.team_id === report.id);
  if (report.kind === 'organization') return organization?.organization_alias ?? team?.team_alias;
  return report.kind === 'user' ? undefined : (team?.team_alias ?? organization?.organization_alias);
}

const KINDS: Readonly<Record<Reported['kind'], string>> = {
  organization: 'Organization',
  team: 'Team',
  group: 'Group',
  user: 'User',
};

function renderReport(report: Reported, access: MyAccess): Html {
  const name = findName(report, access);
  return html`<li>
    <p>
      ${KINDS[report.kind]}
      ${name === undefined ? html`<code>${report.id}</code>` : html`<strong>${renderName(name)}</strong>`}
      ${reportTexts[report.code]}
    </p>
    <p class="muted small">
      <code>${report.code}</code>${name !== undefined && html` · <code>${report.id}</code>`}${
        report.detail !== undefined && html` · ${report.detail}`
      }
    </p>
  </li>`;
}

/** Renders the exceptions of the last run; nothing if it had none. */
export function renderReports(access: MyAccess): Html {
  const { reported } = access.provisioning;
  if (reported.length === 0) return html``;
  return html`<section class="card reports" aria-labelledby="reports-title">
    <h2 id="reports-title" class="pad">Exceptions</h2>
    <ul>
      ${reported.map((report) => renderReport(report, access))}
    </ul>
  </section>`;
}

/** Renders the progress of the provisioning. Its height is reserved, so that nothing moves when it changes. */
export function renderProgress(access: MyAccess): Html {
  const { provisioning: progress } = access;
  const look = findLook(access);
  const role = html`role="progressbar" aria-labelledby="progress-title"`;
  return html`<section
    class="card progress progress-${look}${access.litellm.connected && ' has-litellm'}"
    aria-labelledby="progress-title"
  >
    <div class="track" ${isUnderWay(progress) && role}><i></i></div>
    <div class="pad body">
      <div class="title">
        ${statusIcons[look]}
        <h2 id="progress-title" data-say>${findProgressTitle(access)}</h2>
      </div>
      <p data-say data-note>${describe(access)}</p>
      ${renderSync(access)} ${renderTimes(progress)} ${renderAction(progress)} ${renderCodes(access)}
    </div>
  </section>`;
}
