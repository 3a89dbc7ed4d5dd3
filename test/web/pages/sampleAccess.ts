import type { ProxyReport } from '../../../shared/model/litellmProxy.ts';
import type {
  LitellmPresence,
  LitellmProgress,
  MyAccess,
  OrganizationAccess,
  ProvisioningProgress,
  Reported,
  TeamAccess,
  UserAccess,
} from '../../../shared/model/access.ts';

const MODELS = ['gpt-4', 'gpt-3.5-turbo'];

/** The sample directory's Alice. */
export function createUser(changes: Partial<UserAccess> = {}): UserAccess {
  return {
    user_id: '4f1f4d1c-6f0e-4a51-9c3e-1d1b7f2a9c01',
    user_email: 'alice@company.com',
    display_name: 'Alice Example',
    user_role: 'internal_user',
    models: [],
    ...changes,
  };
}

/** A proxy of the newest tested version without a licence. */
export const SAMPLE_PROXY: ProxyReport = {
  status: 'ok',
  version: '1.108.0',
  tested_range: '1.80.0 to 1.108.0',
  organizations: { state: 'unlicensed', since: '2026-03-04T09:15:02Z' },
  own_user: 'entra-provisioning',
  checked_at: '2026-03-04T09:20:00Z',
  warnings: [{ code: 'organizations_unlicensed', hint: 'An administrator of LiteLLM adds a licence.' }],
};

/** The organization "Production Team" with 1,000 USD for 30 days. */
export function createOrganization(changes: Partial<OrganizationAccess> = {}): OrganizationAccess {
  return {
    organization_id: 'b7c0f9d2-1111-4c1b-8a53-000000000001',
    organization_alias: 'Production Team',
    user_role: 'internal_user',
    models: MODELS,
    effective_models: { all_models: false, models: MODELS, reason: 'own' },
    max_budget: 1000,
    budget_duration: '30d',
    spend: 182.4,
    ...changes,
  };
}

/** The team "Production Team", which inherits everything from its organization. */
export function createTeam(changes: Partial<TeamAccess> = {}): TeamAccess {
  return {
    team_id: 'b7c0f9d2-1111-4c1b-8a53-000000000001',
    team_alias: 'Production Team',
    organization_id: 'b7c0f9d2-1111-4c1b-8a53-000000000001',
    organization_alias: 'Production Team',
    role: 'user',
    models: ['all-org-models'],
    effective_models: { all_models: false, models: MODELS, reason: 'inherited' },
    effective_max_budget: {
      value: 1000,
      budget_duration: '30d',
      shared_by: 'organization',
      reason: 'inherited',
    },
    effective_tpm_limit: { reason: 'unlimited' },
    effective_rpm_limit: { reason: 'unlimited' },
    spend: 61.13,
    degraded: false,
    ...changes,
  };
}

/** A team of no organization, with its own models, budget and limits. */
export function createStandaloneTeam(changes: Partial<TeamAccess> = {}): TeamAccess {
  const { organization_id: _id, organization_alias: _alias, ...team } = createTeam();
  return {
    ...team,
    team_id: 'c2d4a8f0-2222-4d7a-9b1e-000000000002',
    team_alias: 'Research Sandbox',
    role: 'admin',
    models: ['claude-sonnet'],
    effective_models: { all_models: false, models: ['claude-sonnet'], reason: 'own' },
    effective_max_budget: { value: 250, budget_duration: '1mo', shared_by: 'team', reason: 'own' },
    effective_tpm_limit: { value: 120_000, reason: 'own' },
    effective_rpm_limit: { value: 60, reason: 'own' },
    spend: 12.5,
    ...changes,
  };
}

/** A finished run that granted two memberships. */
export function createProgress(changes: Partial<ProvisioningProgress> = {}): ProvisioningProgress {
  return {
    status: 'done',
    id: 'obs-2b9d4d1e-77aa-4a57-9f6e-5f0d9c6b1a10',
    observed_at: '2026-03-04T09:15:02Z',
    updated_at: '2026-03-04T09:15:03Z',
    granted: 2,
    removed: 0,
    reported: [],
    ...changes,
  };
}

/** Alice, done: one organization with its team. */
export function createAccess(changes: Partial<MyAccess> = {}): MyAccess {
  return {
    user: createUser(),
    organizations: [createOrganization()],
    teams: [createTeam()],
    provisioning: createProgress(),
    litellm: { connected: false },
    ...changes,
  };
}

/** What a person sees first: nothing is set up yet. */
export function createPendingAccess(changes: Partial<ProvisioningProgress> = {}): MyAccess {
  return {
    user: createUser(),
    organizations: [],
    teams: [],
    provisioning: {
      status: 'pending',
      id: 'obs-2b9d4d1e-77aa-4a57-9f6e-5f0d9c6b1a10',
      observed_at: '2026-03-04T09:15:02Z',
      reported: [],
      ...changes,
    },
    litellm: { connected: false },
  };
}

const MANY_MODELS = Array.from({ length: 40 }, (_, index) => `provider-${index}/model-${index}-instruct`);
const PLATFORM = {
  organization_id: 'd3e5b9a1-3333-4e8b-8c2f-000000000003',
  organization_alias: 'Platform Engineering and Developer Experience (Europe, Middle East, Africa)',
} as const;

/** An organization without any limit, and a person who may only look. */
export function createUnlimitedOrganization(): OrganizationAccess {
  const { max_budget: _budget, budget_duration: _duration, ...organization } = createOrganization();
  return {
    ...organization,
    organization_id: 'e4f6c0b2-4444-4f9c-9d30-000000000004',
    organization_alias: 'Shared Experiments',
    user_role: 'internal_user_viewer',
    models: [],
    effective_models: { all_models: true, models: [], reason: 'unlimited' },
    spend: 0.0042,
  };
}

/** One report of each code. */
export const EVERY_REPORT: readonly Reported[] = [
  { kind: 'organization', id: 'a1', code: 'organization_unavailable' },
  { kind: 'team', id: 'a2', code: 'row_unreadable', detail: 'LiteLLMTeamTable, a2, models' },
  { kind: 'team', id: 'a3', code: 'row_missing' },
  { kind: 'organization', id: PLATFORM.organization_id, code: 'last_org_admin' },
  { kind: 'group', id: 'f0b2c4d6-5555-4aaa-8bbb-000000000005', code: 'group_not_yet_known' },
  { kind: 'team', id: 'c2d4a8f0-2222-4d7a-9b1e-000000000002', code: 'standalone_for_now' },
  { kind: 'team', id: 'a4', code: 'models_kept' },
];

function createPlatformTeams(): readonly TeamAccess[] {
  const limited = createTeam({
    ...PLATFORM,
    team_id: 'd3e5b9a1-3333-4e8b-8c2f-000000000013',
    team_alias: 'Inference Runtime',
    role: 'admin',
    models: ['gpt-4', 'not-allowed'],
    effective_models: { all_models: false, models: ['gpt-4'], reason: 'limited' },
    max_budget: 40_000,
    effective_max_budget: {
      value: 25_000,
      budget_duration: '30d',
      shared_by: 'organization',
      reason: 'limited',
    },
    effective_tpm_limit: { value: 2_000_000, reason: 'limited' },
    effective_rpm_limit: { value: 6_000, reason: 'inherited' },
    spend: 1204.5,
  });
  const own = createTeam({
    ...PLATFORM,
    team_id: PLATFORM.organization_id,
    team_alias: PLATFORM.organization_alias,
    effective_models: { all_models: false, models: MANY_MODELS, reason: 'inherited' },
    max_budget: 500,
    effective_max_budget: { value: 500, budget_duration: '1d', shared_by: 'team', reason: 'own' },
    spend: 0,
  });
  return [limited, own];
}

/** Everything that a page can show at once: every reason, every report, long names and long lists. */
export function createFullAccess(): MyAccess {
  const platform = createOrganization({
    ...PLATFORM,
    user_role: 'org_admin',
    models: MANY_MODELS,
    effective_models: { all_models: false, models: MANY_MODELS, reason: 'own' },
    max_budget: 25_000,
    spend: 25_310.07,
    tpm_limit: 2_000_000,
    rpm_limit: 6_000,
  });
  const degraded = createStandaloneTeam({ degraded: true });
  const none = createStandaloneTeam({
    team_id: 'averylongidentifierwithoutanyspaceorhyphenthatmustbreaksomewhereatthreehundredsixty',
    team_alias: 'Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft',
    role: 'user',
    effective_models: { all_models: false, models: [], reason: 'limited' },
    effective_max_budget: { shared_by: 'team', reason: 'unlimited' },
    effective_tpm_limit: { reason: 'unlimited' },
    effective_rpm_limit: { reason: 'unlimited' },
  });
  const elsewhere = createTeam({
    team_id: 'elsewhere-1',
    team_alias: 'Guild',
    organization_id: 'withheld-1',
  });
  return {
    user: createUser({
      user_role: 'proxy_admin_viewer',
      max_budget: 50,
      budget_duration: '7d',
      models: ['gpt-4'],
    }),
    organizations: [platform, createOrganization(), createUnlimitedOrganization()],
    teams: [...createPlatformTeams(), createTeam(), degraded, none, elsewhere],
    provisioning: createProgress({ reported: EVERY_REPORT }),
    litellm: { connected: false },
  };
}

/** In LiteLLM since shortly after the sample run. */
export function createPresence(changes: Partial<LitellmPresence> = {}): LitellmPresence {
  return { state: 'in_litellm', since: '2026-03-04T09:15:04Z', reported: [], ...changes };
}

/** As {@link createAccess}, with a LiteLLM proxy connected; everything has the same presence there. */
export function createSyncedAccess(
  litellm: Omit<LitellmProgress, 'connected'> = { status: 'done' },
  presence: LitellmPresence = createPresence(),
): MyAccess {
  return createAccess({
    user: createUser({ litellm: presence }),
    organizations: [createOrganization({ litellm: presence })],
    teams: [createTeam({ litellm: presence })],
    litellm: { connected: true, ...litellm },
  });
}

/** What a person sees before LiteLLM has heard of them. */
export function createSyncingAccess(changes: Partial<LitellmProgress> = {}): MyAccess {
  const { reason } = changes;
  const presence: LitellmPresence = {
    state: 'not_yet',
    ...(reason === undefined ? {} : { reason }),
    reported: [],
  };
  return createSyncedAccess({ status: 'pending', ...changes }, presence);
}

/** One presence of each kind, with everything that can be reported of it. */
const EVERY_PRESENCE: readonly LitellmPresence[] = [
  createPresence({
    reported: [
      { code: 'differs', detail: 'max_budget, models' },
      { code: 'cannot_be_cleared', detail: 'budget_duration, tpm_limit' },
      { code: 'refused', detail: '400' },
      { code: 'row_missing' },
    ],
  }),
  createPresence({ role: 'user', reported: [{ code: 'role_needs_licence' }] }),
  createPresence({ role: 'org_admin', reported: [{ code: 'differs', detail: 'role' }] }),
  createPresence({ role: 'internal_user' }),
  { state: 'not_yet', reported: [] },
  { state: 'not_yet', reason: 'litellm_unreachable', reported: [] },
  { state: 'refused', reason: 'litellm_refused', reported: [{ code: 'refused', detail: '400' }] },
  { state: 'refused', reason: 'litellm_email_taken', reported: [] },
  { state: 'failed', reason: 'waited_too_long', reported: [] },
];

/** As {@link createFullAccess}, with everything that can be said of LiteLLM. */
export function createFullSyncedAccess(): MyAccess {
  const access = createFullAccess();
  const at = (index: number): { readonly litellm: LitellmPresence } => ({
    litellm: EVERY_PRESENCE[index % EVERY_PRESENCE.length] ?? createPresence(),
  });
  return {
    ...access,
    user: { ...access.user, ...at(0) },
    organizations: access.organizations.map((one, index) => ({ ...one, ...at(index) })),
    teams: access.teams.map((one, index) => ({ ...one, ...at(index + access.organizations.length) })),
    litellm: {
      connected: true,
      status: 'failed',
      reason: 'litellm_refused',
      attempts: 5,
      updated_at: '2026-03-04T09:25:02Z',
    },
  };
}
