import { describe, expect, it } from 'vitest';
import type {
  LitellmPresence,
  LitellmProgress,
  LitellmReported,
  ProvisioningProgress,
} from '../../shared/model/access.ts';
import {
  findPresences,
  type PresenceInput,
  type RecordedSync,
  unknownPresences,
} from '../../shared/home/litellmPresence.ts';
import type { SyncedMembership, SyncOutcome, SyncReport } from '../../shared/model/synced.ts';

const SINCE = '2026-11-23T09:00:01.000Z';
const OBSERVED = '2026-11-23T09:00:00.000Z';
const [BEFORE, AFTER] = ['2026-11-23T08:59:59.000Z', '2026-11-23T09:00:02.000Z'];

const done: ProvisioningProgress = {
  status: 'done',
  observed_at: OBSERVED,
  granted: 1,
  removed: 0,
  reported: [],
};

function outcome(changes: Partial<SyncOutcome> = {}): SyncOutcome {
  return { status: 'done', attempts: 1, updatedAt: AFTER, reported: [], ...changes };
}

/** The one team of these tests, as recorded. */
function team(changes: Partial<SyncedMembership> = {}): SyncedMembership {
  return { entityId: 'team-1', state: 'added', role: 'user', since: SINCE, ...changes };
}

interface Case {
  readonly membership?: SyncedMembership;
  readonly outcome?: SyncOutcome;
  readonly provisioning?: ProvisioningProgress;
  readonly role?: string;
  readonly user?: RecordedSync['user'];
  /** The person has no team here any more, or one that cannot be read. */
  readonly here?: 'none' | 'unreadable';
}

/** Alice in one team, in which she is `user` by default. */
function inputOf(given: Case): PresenceInput {
  const { membership, here, role = 'user' } = given;
  return {
    provisioning: given.provisioning ?? done,
    recorded: {
      user: given.user,
      organizations: new Map(),
      teams: membership === undefined ? new Map() : new Map([[membership.entityId, membership]]),
      outcome: given.outcome,
    },
    organizations: { rows: [], unreadable: [] },
    teams: {
      rows: here === undefined ? [{ entityId: 'team-1', role }] : [],
      unreadable: here === 'unreadable' ? [{ id: 'team-1' }] : [],
    },
  };
}

function presenceOf(given: Case): LitellmPresence {
  return findPresences(inputOf(given)).team('team-1', given.role ?? 'user');
}

function progressOf(given: Case): LitellmProgress {
  return findPresences(inputOf(given)).progress;
}

function reports(...codes: readonly (LitellmReported & { readonly kind?: SyncReport['kind'] })[]): {
  readonly reported: readonly SyncReport[];
} {
  return { reported: codes.map((report) => ({ kind: 'team', id: 'team-1', ...report })) };
}

describe('a membership', () => {
  it.each<[string, Case, LitellmPresence]>([
    [
      'was added',
      { membership: team(), outcome: outcome() },
      { state: 'in_litellm', since: SINCE, reported: [] },
    ],
    [
      'was found',
      { membership: team({ state: 'found' }), outcome: outcome() },
      { state: 'in_litellm', since: SINCE, reported: [] },
    ],
    [
      'was found with a role that we did not grant',
      { membership: team({ state: 'found', role: 'admin' }), outcome: outcome() },
      {
        state: 'in_litellm',
        since: SINCE,
        role: 'admin',
        reported: [{ code: 'differs', detail: 'role' }],
      },
    ],
    [
      'has a lesser role for want of a licence',
      {
        role: 'admin',
        membership: team({ wanted: 'admin' }),
        outcome: outcome(reports({ code: 'role_needs_licence' })),
      },
      { state: 'in_litellm', since: SINCE, role: 'user', reported: [{ code: 'role_needs_licence' }] },
    ],
    [
      'has a lesser role, and a later try took the reports along',
      { role: 'admin', membership: team({ wanted: 'admin' }), outcome: outcome({ status: 'waiting' }) },
      { state: 'in_litellm', since: SINCE, role: 'user', reported: [{ code: 'role_needs_licence' }] },
    ],
    [
      'had its role changed in LiteLLM, into an unknown one',
      {
        role: 'admin',
        membership: team(),
        outcome: outcome(reports({ code: 'differs', detail: 'role' })),
      },
      { state: 'in_litellm', since: SINCE, reported: [{ code: 'differs', detail: 'role' }] },
    ],
    [
      'got another role here since',
      { role: 'admin', membership: team(), outcome: outcome() },
      { state: 'in_litellm', since: SINCE, role: 'user', reported: [] },
    ],
    [
      'is in LiteLLM, with different settings that stay',
      {
        membership: team(),
        outcome: outcome(
          reports({ code: 'differs', detail: 'models' }, { code: 'cannot_be_cleared', detail: 'tpm_limit' }),
        ),
      },
      {
        state: 'in_litellm',
        since: SINCE,
        reported: [
          { code: 'differs', detail: 'models' },
          { code: 'cannot_be_cleared', detail: 'tpm_limit' },
        ],
      },
    ],
    [
      'is in LiteLLM, and a change of its team was refused',
      {
        membership: team(),
        outcome: outcome({
          status: 'failed',
          reason: 'litellm_refused',
          ...reports({ code: 'refused', detail: '400' }),
        }),
      },
      { state: 'in_litellm', since: SINCE, reported: [{ code: 'refused', detail: '400' }] },
    ],
    ['is not recorded at all', {}, { state: 'not_yet', reported: [] }],
    [
      'is being added',
      { membership: team({ state: 'adding' }), outcome: outcome() },
      { state: 'not_yet', reported: [] },
    ],
    ['came after the last sync', { outcome: outcome() }, { state: 'not_yet', reported: [] }],
    [
      'waits for the proxy',
      { outcome: outcome({ status: 'waiting', reason: 'litellm_unreachable' }) },
      { state: 'not_yet', reason: 'litellm_unreachable', reported: [] },
    ],
    [
      'is being tried again',
      { outcome: outcome({ status: 'retrying', reason: 'storage_unavailable' }) },
      { state: 'not_yet', reason: 'storage_unavailable', reported: [] },
    ],
    [
      'was refused',
      {
        outcome: outcome({
          status: 'failed',
          reason: 'litellm_refused',
          ...reports({ code: 'refused', detail: '400' }),
        }),
      },
      { state: 'refused', reason: 'litellm_refused', reported: [{ code: 'refused', detail: '400' }] },
    ],
    [
      'was refused with its user',
      { outcome: outcome({ status: 'failed', reason: 'litellm_email_taken' }) },
      { state: 'refused', reason: 'litellm_email_taken', reported: [] },
    ],
    [
      'came after a sync with another refusal',
      {
        outcome: outcome({
          status: 'failed',
          reason: 'litellm_refused',
          reported: [{ kind: 'team', id: 'team-2', code: 'refused' }],
        }),
      },
      { state: 'not_yet', reported: [] },
    ],
    [
      'was refused before a sign-in that changed something',
      {
        outcome: outcome({
          status: 'failed',
          reason: 'litellm_refused',
          updatedAt: BEFORE,
          ...reports({ code: 'refused', detail: '400' }),
        }),
      },
      { state: 'not_yet', reported: [] },
    ],
    [
      'was stopped after 24 hours',
      { outcome: outcome({ status: 'failed', reason: 'waited_too_long' }) },
      { state: 'failed', reason: 'waited_too_long', reported: [] },
    ],
    [
      'had no readable row',
      { outcome: outcome(reports({ code: 'row_missing' })) },
      { state: 'not_yet', reason: 'row_missing', reported: [{ code: 'row_missing' }] },
    ],
  ])('%s', (_name, given, expected) => {
    expect(presenceOf(given)).toEqual(expected);
  });

  it('does not mix up an organization’s report with the team of the same id', () => {
    const input = inputOf({
      outcome: outcome({
        status: 'failed',
        reason: 'litellm_refused',
        reported: [{ kind: 'organization', id: 'team-1', code: 'refused' }],
      }),
    });
    expect(findPresences(input).team('team-1', 'user')).toMatchObject({ state: 'not_yet', reported: [] });
    expect(findPresences(input).organization('team-1', 'internal_user')).toMatchObject({ state: 'refused' });
  });
});

describe('the whole', () => {
  const found = team({ state: 'found', entityId: 'left' });
  it.each<[string, Case, LitellmProgress['status']]>([
    ['pending before the first sync', {}, 'pending'],
    ['pending before the first sync, also without memberships', { here: 'none' }, 'pending'],
    ['done without memberships', { here: 'none', outcome: outcome() }, 'done'],
    [
      'done where the user was made, and no outcome can be read',
      { here: 'none', user: { since: SINCE } },
      'done',
    ],
    ['done where everything is in LiteLLM', { membership: team(), outcome: outcome() }, 'done'],
    ['done where everything is in LiteLLM, without a readable outcome', { membership: team() }, 'done'],
    ['pending where a membership came since', { outcome: outcome() }, 'pending'],
    [
      'pending where one is being added',
      { membership: team({ state: 'adding' }), outcome: outcome() },
      'pending',
    ],
    [
      'pending where a membership is still to be removed',
      { here: 'none', membership: team(), outcome: outcome() },
      'pending',
    ],
    [
      'done where only memberships remain that are not ours',
      { here: 'none', membership: found, outcome: outcome() },
      'done',
    ],
    [
      'done where a stored row is unreadable, so that nothing is removed',
      { here: 'unreadable', membership: team(), outcome: outcome() },
      'done',
    ],
    [
      'pending where a role is still to be synced',
      { role: 'admin', membership: team(), outcome: outcome() },
      'pending',
    ],
    [
      'done where a role stays different',
      {
        role: 'admin',
        membership: team(),
        outcome: outcome(reports({ code: 'differs', detail: 'role' })),
      },
      'done',
    ],
    [
      'done where a role needs a licence',
      { role: 'admin', membership: team({ wanted: 'admin' }), outcome: outcome() },
      'done',
    ],
    ['done where a row is missing', { outcome: outcome(reports({ code: 'row_missing' })) }, 'done'],
    ['waiting', { outcome: outcome({ status: 'waiting', reason: 'litellm_unreachable' }) }, 'waiting'],
    [
      'pending while a failed try is repeated',
      { outcome: outcome({ status: 'retrying', reason: 'storage_unavailable' }) },
      'pending',
    ],
    ['failed', { outcome: outcome({ status: 'failed', reason: 'waited_too_long' }) }, 'failed'],
    [
      'pending where it failed before a sign-in that changed something',
      {
        membership: team(),
        outcome: outcome({ status: 'failed', reason: 'waited_too_long', updatedAt: BEFORE }),
      },
      'pending',
    ],
    [
      'failed where it failed before a sign-in that changed nothing',
      {
        provisioning: { ...done, granted: 0 },
        outcome: outcome({ status: 'failed', reason: 'waited_too_long', updatedAt: BEFORE }),
      },
      'failed',
    ],
    [
      'pending while the rows are being written',
      { membership: team(), outcome: outcome(), provisioning: { ...done, status: 'pending' } },
      'pending',
    ],
    [
      'pending while the provisioning waits',
      { membership: team(), outcome: outcome(), provisioning: { ...done, status: 'waiting' } },
      'pending',
    ],
    [
      'done although the provisioning failed',
      { membership: team(), outcome: outcome(), provisioning: { ...done, status: 'failed' } },
      'done',
    ],
  ])('is %s', (_name, given, expected) => {
    expect(progressOf(given)).toMatchObject({ connected: true, status: expected });
  });

  it('says why it is not done, how often it was tried and when again', () => {
    const waiting = outcome({
      status: 'waiting',
      reason: 'litellm_unreachable',
      attempts: 3,
      nextTryAt: '2026-11-23T09:05:00.000Z',
    });
    expect(progressOf({ outcome: waiting })).toEqual({
      connected: true,
      status: 'waiting',
      reason: 'litellm_unreachable',
      attempts: 3,
      updated_at: AFTER,
      next_try_at: '2026-11-23T09:05:00.000Z',
    });
  });
});

describe('the user', () => {
  const user = { since: SINCE };
  const refused: SyncReport = { kind: 'user', id: 'alice', code: 'refused', detail: '403' };
  it.each<[string, Case, LitellmPresence]>([
    ['was made by us', { user, outcome: outcome() }, { state: 'in_litellm', since: SINCE, reported: [] }],
    ['was in LiteLLM before', { outcome: outcome() }, { state: 'in_litellm', reported: [] }],
    [
      'differs there',
      {
        outcome: outcome({
          reported: [{ kind: 'user', id: 'alice', code: 'differs', detail: 'user_role' }],
        }),
      },
      { state: 'in_litellm', reported: [{ code: 'differs', detail: 'user_role' }] },
    ],
    [
      'is in LiteLLM while something else waits',
      { user, membership: team(), outcome: outcome({ status: 'waiting', reason: 'litellm_unreachable' }) },
      { state: 'in_litellm', since: SINCE, reported: [] },
    ],
    [
      'is in LiteLLM where something else was refused',
      {
        user,
        outcome: outcome({
          status: 'failed',
          reason: 'litellm_refused',
          ...reports({ code: 'refused' }),
        }),
      },
      { state: 'in_litellm', since: SINCE, reported: [] },
    ],
    [
      'was about to be made when LiteLLM stopped answering',
      { user, outcome: outcome({ status: 'waiting', reason: 'litellm_unreachable' }) },
      { state: 'not_yet', reason: 'litellm_unreachable', reported: [] },
    ],
    [
      'was refused',
      { user, outcome: outcome({ status: 'failed', reason: 'litellm_refused', reported: [refused] }) },
      { state: 'refused', reason: 'litellm_refused', reported: [{ code: 'refused', detail: '403' }] },
    ],
    ['is unknown in LiteLLM', {}, { state: 'not_yet', reported: [] }],
  ])('%s', (_name, given, expected) => {
    expect(findPresences(inputOf(given)).user).toEqual(expected);
  });
});

describe('a record that cannot be read', () => {
  it('is unknown everywhere, with the reason', () => {
    const { progress, user, organization, team: teamOf } = unknownPresences('row_unreadable');
    const unknown = { state: 'unknown', reason: 'row_unreadable', reported: [] };
    expect(progress).toEqual({ connected: true, status: 'unknown', reason: 'row_unreadable' });
    expect([user, organization('a', 'internal_user'), teamOf('a', 'user')]).toEqual([
      unknown,
      unknown,
      unknown,
    ]);
  });
});
