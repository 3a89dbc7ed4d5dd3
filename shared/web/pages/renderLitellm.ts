import type {
  LitellmPresence,
  LitellmProgress,
  LitellmReported,
  LitellmState,
  MyAccess,
} from '../../model/access.ts';
import { html, type Html, renderName } from './html.ts';
import { litellmIcons } from './icons.ts';
import {
  findLitellmReasonText,
  findLitellmRoleText,
  litellmReportTexts,
  litellmStateTexts,
  litellmTodoTexts,
} from './litellmTexts.ts';
import { renderFact } from './renderFact.ts';
import { renderInstant } from './renderInstant.ts';

/** Returns `pending` or `waiting` while LiteLLM is being updated, which begins once the rows are done. */
export function findSyncing({ provisioning, litellm }: MyAccess): 'pending' | 'waiting' | undefined {
  if (provisioning.status !== 'done') return undefined;
  return litellm.status === 'pending' || litellm.status === 'waiting' ? litellm.status : undefined;
}

/**
 * Renders the fields that differ, or the status of LiteLLM's answer. For a role, the sentence before already says
 * it.
 */
function renderDetail({ code, detail }: LitellmReported): Html {
  if (detail === undefined || detail === 'role') return html``;
  return code === 'refused' ? html` (status ${detail})` : html` (<code>${detail}</code>)`;
}

function renderReport(report: LitellmReported, role: string | undefined): Html {
  const { code, detail } = report;
  const { happened, todo } = litellmReportTexts[code];
  const isAboutRole = code === 'role_needs_licence' || detail === 'role';
  const roleNow =
    isAboutRole &&
    (role === undefined
      ? 'Your role: '
      : html`Your role in LiteLLM is ${renderName(findLitellmRoleText(role))}. `);
  return html`<p class="why">${roleNow}${happened}${renderDetail(report)}. ${todo}</p>`;
}

function isHelpless(state: LitellmState): state is keyof typeof litellmTodoTexts {
  return Object.hasOwn(litellmTodoTexts, state);
}

/** Renders why it isn't in LiteLLM. For a refusal, only the status of LiteLLM's answer adds something. */
function renderAbsence({ state, reason, reported }: LitellmPresence): Html {
  const refusal = reported.find(({ code }) => code === 'refused');
  const isPlainRefusal = state === 'refused' && reason === 'litellm_refused';
  return html`${refusal !== undefined && renderDetail(refusal)}.
  ${reason !== undefined && !isPlainRefusal && findLitellmReasonText(reason)}
  ${isHelpless(state) && litellmTodoTexts[state]}`;
}

/** Renders whether an organization, a team or the user is in LiteLLM: one line, and one more for each difference. */
export function renderPresence(presence: LitellmPresence | undefined): Html {
  if (presence === undefined) return html``;
  const { state, since, role, reported } = presence;
  const isInLitellm = state === 'in_litellm';
  const isRoleExplained = reported.some(({ code }) => code === 'role_needs_licence' || code === 'differs');
  return html`<div class="presence presence-${state}">
    <p class="presence-line">
      ${litellmIcons[state]}
      <span
        ><strong>${litellmStateTexts[state]}</strong>${
          isInLitellm
            ? since !== undefined && html` since ${renderInstant(since, 'minutes')}`
            : renderAbsence(presence)
        }</span
      >
    </p>
    ${
      isInLitellm &&
      role !== undefined &&
      !isRoleExplained &&
      html`<p class="why">Your role in LiteLLM is still ${renderName(findLitellmRoleText(role))}.</p>`
    }
    ${isInLitellm && reported.map((report) => renderReport(report, role))}
  </div>`;
}

function describeSync({ provisioning, litellm }: MyAccess): Html {
  const { status, reason, next_try_at: nextTryAt } = litellm;
  const why = reason === undefined ? '' : `${findLitellmReasonText(reason)} `;
  const nextTry = nextTryAt !== undefined && html`Next try ${renderInstant(nextTryAt)}.`;
  if (status === 'done') return html`LiteLLM is up to date too.`;
  if (status === 'unknown') return html`We don’t know what LiteLLM has. ${why}`;
  if (status === 'failed') return html`Some changes did not reach LiteLLM. ${why}`;
  if (status === 'waiting') return html`LiteLLM isn’t up to date yet. ${why}${nextTry}`;
  if (reason !== undefined) return html`LiteLLM isn’t up to date yet. ${why}We’re trying again.`;
  return provisioning.status === 'pending' || provisioning.status === 'waiting'
    ? html`LiteLLM is updated next.`
    : html`LiteLLM is updated next, usually within seconds, and within a day at the latest.`;
}

const PROGRESS_STATES: Readonly<Record<NonNullable<LitellmProgress['status']>, LitellmState>> = {
  pending: 'not_yet',
  waiting: 'not_yet',
  done: 'in_litellm',
  failed: 'failed',
  unknown: 'unknown',
};

/** Renders the progress of LiteLLM's update as one line; nothing if no proxy is connected. */
export function renderSync(access: MyAccess): Html {
  const { status } = access.litellm;
  if (status === undefined) return html``;
  const state = PROGRESS_STATES[status];
  return html`<p class="presence-line presence-${state}">
    ${litellmIcons[state]}<span data-say>${describeSync(access)}</span>
  </p>`;
}

/** Renders, for the person's own card, that no proxy is connected; nothing if one is. */
export function renderNoProxy({ connected }: LitellmProgress): Html {
  if (connected) return html``;
  return renderFact({
    term: 'LiteLLM proxy',
    value: 'Not connected',
    why: ['Your access is ready. No LiteLLM proxy is connected.'],
  });
}
