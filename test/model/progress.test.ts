import { describe, expect, it } from 'vitest';
import type { ProvisioningProgress } from '../../shared/model/access.ts';
import type { ObservationKey } from '../../shared/model/observation.ts';
import { isOutcomeNewer, newestObservation, progressOf } from '../../shared/model/progress.ts';
import type { ProgressSources } from '../../shared/model/progress.ts';
import type { Outcome, RunReport, RunState, UserRecord } from '../../shared/model/userRecord.ts';
import { ALICE } from '../support/world.ts';

const OLDER: ObservationKey = { id: 'older', observed_at: '2026-11-23T08:00:00.000Z' };
const MINE: ObservationKey = { id: 'mine', observed_at: '2026-11-23T09:00:00.000Z' };
const NEWER: ObservationKey = { id: 'newer', observed_at: '2026-11-23T10:00:00.000Z' };
const AT = '2026-11-23T10:00:05.000Z';
const NEXT = '2026-11-23T10:05:05.000Z';

const report: RunReport = {
  groups_seen: 3,
  groups_counted: 2,
  granted: 4,
  changed: 0,
  removed: 1,
  reported: [{ kind: 'group', id: 'x', code: 'group_not_yet_known' }],
  reported_more: 0,
};

function recordWith(state: RunState | undefined): UserRecord {
  return {
    etag: 'W/"1"',
    run: state,
    sessionsValidFrom: undefined,
    active: true,
    isNew: false,
    user: {
      user_id: ALICE,
      tenant_id: 't',
      sso_user_id: ALICE,
      user_role: 'internal_user',
      models: [],
      active: true,
      created_at: AT,
      updated_at: AT,
    },
    fields: {
      user_role: { current: undefined, written: undefined },
      user_email: { current: undefined, written: undefined },
      display_name: { current: undefined, written: undefined },
    },
    unreadable: undefined,
  };
}

function run(
  observation: ObservationKey,
  state: RunState['state'],
  more: Partial<RunState> = {},
): UserRecord {
  return recordWith({ observation, state, claimId: 'c', ...more });
}

function outcome(
  observation: ObservationKey,
  status: Outcome['status'],
  more: Partial<Outcome> = {},
): Outcome {
  return { observation, status, reason: 'directory_unreachable', attempts: 2, updatedAt: AT, ...more };
}

interface ProgressCase extends Partial<ProgressSources> {
  readonly rule: string;
  readonly progress: Partial<ProvisioningProgress>;
}

describe('progressOf', () => {
  const failure = { reason: 'directory_unreachable', attempts: 2, updated_at: AT };

  it.each<ProgressCase>([
    { rule: 'no row knows it yet', progress: { status: 'pending' } },
    {
      rule: 'an older one was applied',
      record: run(OLDER, 'applied', { report }),
      progress: { status: 'pending' },
    },
    { rule: 'it is being applied', record: run(MINE, 'applying'), progress: { status: 'pending' } },
    {
      rule: 'it is applied, with its changes and reports',
      record: run(MINE, 'applied', { report, finishedAt: AT }),
      progress: { status: 'done', granted: 4, removed: 1, reported: report.reported, updated_at: AT },
    },
    {
      rule: 'a newer one is applied',
      record: run(NEWER, 'applied', { report }),
      progress: { status: 'superseded' },
    },
    {
      rule: 'a newer one is being applied',
      record: run(NEWER, 'applying'),
      progress: { status: 'superseded' },
    },
    {
      rule: 'it waits, with the reason and the time of the next try',
      outcome: outcome(MINE, 'waiting', { nextTryAt: NEXT }),
      progress: { status: 'waiting', ...failure, next_try_at: NEXT },
    },
    {
      rule: 'it is being tried again',
      outcome: outcome(MINE, 'retrying'),
      progress: { status: 'pending', ...failure },
    },
    { rule: 'it failed', outcome: outcome(MINE, 'failed'), progress: { status: 'failed', ...failure } },
    {
      rule: 'it waits for the rest, with its changes so far',
      record: run(MINE, 'applying', { report }),
      outcome: outcome(MINE, 'waiting'),
      progress: { status: 'waiting', ...failure, granted: 4, removed: 1, reported: report.reported },
    },
    {
      rule: 'it is applied, and a late failure does not hide that',
      record: run(MINE, 'applied'),
      outcome: outcome(MINE, 'failed'),
      progress: { status: 'done' },
    },
    {
      rule: 'only another observation has failed',
      record: recordWith(undefined),
      outcome: outcome(NEWER, 'failed'),
      progress: { status: 'pending' },
    },
  ])('returns $progress.status if $rule', ({ record, outcome: stored, progress }) => {
    expect(progressOf(MINE, { record, outcome: stored })).toStrictEqual({
      ...MINE,
      reported: [],
      ...progress,
    });
  });
});

describe('newestObservation', () => {
  it.each<{ rule: string; record?: UserRecord; outcome?: Outcome; newest: ObservationKey }>([
    { rule: 'the session’s own if no newer one is known', newest: MINE },
    { rule: 'the row’s', record: run(NEWER, 'applied'), newest: NEWER },
    { rule: 'not an older row’s', record: run(OLDER, 'applied'), newest: MINE },
    { rule: 'the outcome’s', outcome: outcome(NEWER, 'waiting'), newest: NEWER },
    { rule: 'not an older outcome’s', outcome: outcome(OLDER, 'failed'), newest: MINE },
    {
      rule: 'the row’s and not an older outcome’s',
      record: run(NEWER, 'applied'),
      outcome: outcome(MINE, 'failed'),
      newest: NEWER,
    },
    {
      rule: 'never one that was refused because it was in the future',
      outcome: outcome({ id: 'future', observed_at: '2036-01-01T00:00:00Z' }, 'failed', {
        reason: 'observation_in_future',
      }),
      newest: MINE,
    },
  ])('is $rule', ({ record, outcome: stored, newest }) => {
    expect(newestObservation(MINE, { record, outcome: stored })).toStrictEqual(newest);
  });
});

describe('isOutcomeNewer', () => {
  it('follows the order of observations, except that a refused one is never newer', () => {
    const stored = [NEWER, MINE, OLDER].map((key) => isOutcomeNewer(outcome(key, 'failed'), MINE));
    expect(stored).toStrictEqual([true, false, false]);
    const refused = outcome(NEWER, 'failed', { updatedAt: MINE.observed_at });
    expect(isOutcomeNewer(refused, MINE)).toBe(false);
  });
});
