import { describe, expect, it } from 'vitest';
import type {
  LitellmPresence,
  LitellmProgress,
  MyAccess,
  ProvisioningProgress,
  Reported,
  TeamAccess,
} from '../../../shared/model/access.ts';
import { renderHome } from '../../../shared/web/pages/renderHome.ts';
import { renderSignedOut } from '../../../shared/web/pages/renderSignedOut.ts';
import {
  createAccess,
  createFullAccess,
  createOrganization,
  createPendingAccess,
  createPresence,
  createProgress,
  createStandaloneTeam,
  createTeam,
  createSyncingAccess,
  createSyncedAccess,
  createUnlimitedOrganization,
  createUser,
  EVERY_REPORT,
  SAMPLE_PROXY,
} from './sampleAccess.ts';

/** What a person reads in the page's main part, with spaces made single. */
function readMain(access: MyAccess): string {
  const page = renderHome({ nonce: 'n', access });
  const main = /<main[\s\S]*<\/main>/u.exec(page)?.[0] ?? '';
  return main
    .replace(/<[^>]*>/gu, ' ')
    .replace(/&#39;/gu, "'")
    .replace(/\s+/gu, ' ')
    .replace(/ (?=[.,)])/gu, '');
}

function readTeam(changes: Partial<TeamAccess>): string {
  return readMain(
    createAccess({ organizations: [createOrganization()], teams: [createTeam(changes)] }),
  ).replace(/^.* Team Production Team /u, '');
}

describe('renderHome', () => {
  it('shows which keys rest, from which team, why, and until when', () => {
    const since = '2026-11-23T09:00:00.000Z';
    const text = readMain({
      ...createAccess(),
      resting_keys: [
        {
          name: 'sk-...abcd',
          alias: 'Laptop',
          team_id: 'g1',
          team_alias: 'Design',
          why: 'left_team',
          since,
          until: '2026-11-30T09:00:00.000Z',
        },
        { name: 'sk-...efgh', team_id: 'g2', why: 'refused', since },
      ],
    });
    for (const part of [
      'Keys that rest 2',
      'sk-...abcd ( Laptop) Team: Design It stopped working because you are no longer in the team.',
      'If you come back before 30 Nov 2026, 09:00 UTC, the same key works again.',
      'sk-...efgh Team: g2 You are in the team again, but LiteLLM doesn’t accept the key there.',
    ])
      expect(text).toContain(part);
    expect(readMain(createAccess())).not.toContain('Keys that rest');
  });

  it('shows an administrator of the proxy its version, its organizations, each warning and what to do', () => {
    const text = readMain(
      createAccess({ litellm: { connected: true, status: 'done', proxy: SAMPLE_PROXY } }),
    );
    for (const part of [
      'Version 1.108.0 Tested: 1.80.0 to 1.108.0.',
      'Organizations Not available: LiteLLM has no licence for them Since 4 Mar 2026, 09:15 UTC.',
      'Warning organizations_unlicensed An administrator of LiteLLM adds a licence.',
      'Owner of our key entra-provisioning',
      'Changes reach LiteLLM',
    ])
      expect(text).toContain(part);
    expect(readMain(createAccess())).not.toContain('LiteLLM proxy You see this');
  });

  it('tells an administrator why changes wait, and what to do', () => {
    const proxy = {
      ...SAMPLE_PROXY,
      status: 'failing',
      error: 'litellm_unreachable',
      hint: 'Start it.',
    } as const;
    const text = readMain(createAccess({ litellm: { connected: true, status: 'done', proxy } }));
    expect(text).toContain('State Changes for LiteLLM wait litellm_unreachable Start it.');
  });

  it('greets by name, else by email, else without', () => {
    const { display_name: _name, ...nameless } = createUser();
    const { user_email: _email, ...anonymous } = nameless;
    expect(readMain(createAccess())).toContain('Hello, Alice Example');
    expect(readMain(createAccess({ user: nameless }))).toContain('Hello, alice@company.com');
    expect(readMain(createAccess({ user: anonymous }))).toContain('Welcome');
  });

  it('shows my own user: role, email, id, personal budget', () => {
    const text = readMain(createFullAccess());
    expect(text).toContain('Email alice@company.com');
    expect(text).toContain('Role on the proxy Proxy admin, read only proxy_admin_viewer');
    expect(text).toContain('User id 4f1f4d1c-6f0e-4a51-9c3e-1d1b7f2a9c01');
    expect(text).toContain('Personal budget $50 per 7 days');
  });

  it('shows an organization with role, budget, spend and models', () => {
    const text = readMain(createAccess());
    expect(text).toContain(
      'Organization Production Team Member b7c0f9d2-1111-4c1b-8a53-000000000001 Models gpt-4 gpt-3.5-turbo Budget $1,000 per 30 days $182.40 spent by all its teams, $817.60 left.',
    );
  });

  it('shows an organization without limits, and with none of its teams', () => {
    const text = readMain(createAccess({ organizations: [createUnlimitedOrganization()], teams: [] }));
    expect(text).toContain('All models of the proxy Budget No limit $0.0042 spent by all its teams.');
    expect(text).toContain('Rate limits None');
    expect(text).toContain('You aren’t in any of its teams.');
  });

  it('says by how much a budget is exceeded', () => {
    const text = readMain(createAccess({ organizations: [createOrganization({ spend: 1010 })] }));
    expect(text).toContain('$1,010 spent by all its teams, $10 over.');
  });

  it('shows teams under their organization, and the others separately', () => {
    const text = readMain(createFullAccess());
    const order = [
      'Inference Runtime',
      'Standalone teams',
      'Research Sandbox',
      'Teams of other organizations',
      'Guild',
    ];
    const places = order.map((name) => text.lastIndexOf(name));
    expect(places.every((place) => place > 0)).toBe(true);
    expect(places).toEqual(places.toSorted((a, b) => a - b));
  });

  it('escapes names', () => {
    const access = createAccess({
      user: createUser({ display_name: '<script>alert(1)</script>', user_email: '"><img>' }),
      organizations: [createOrganization({ organization_alias: '<b>"org"' })],
      teams: [
        createTeam({
          team_alias: "<i>'team'",
          effective_models: { all_models: false, models: ['<u>'], reason: 'own' },
        }),
      ],
    });
    const page = renderHome({ nonce: 'n', access });
    for (const hostile of ['<script>alert', '<img', '<b>"', "<i>'", '<u>'])
      expect(page).not.toContain(hostile);
    expect(page).toContain('Hello, <bdi>&lt;script&gt;alert(1)&lt;/script&gt;</bdi>');
    expect(page).toContain('<h3><bdi>&lt;b&gt;&quot;org&quot;</bdi></h3>');
    expect(page).toContain('<h4><bdi>&lt;i&gt;&#39;team&#39;</bdi></h4>');
  });

  it('isolates every foreign name, so that its direction of writing affects nothing outside of it', () => {
    const hostile = (what: string): string => `\u202E${what}`;
    const models = { all_models: false, models: [hostile('model')], reason: 'own' } as const;
    const { user_email: _email, ...user } = createUser();
    const pages = [{}, { user_email: hostile('email') }].map((email) =>
      renderHome({
        nonce: 'n',
        access: createAccess({
          user: {
            ...user,
            ...email,
            display_name: hostile('name'),
            models: [hostile('own')],
          },
          organizations: [
            createOrganization({ organization_alias: hostile('organization'), effective_models: models }),
          ],
          teams: [
            createTeam({ team_alias: hostile('team'), effective_models: models }),
            createStandaloneTeam({
              team_alias: hostile('standalone'),
              organization_id: 'elsewhere',
              organization_alias: hostile('owner'),
            }),
          ],
          provisioning: createProgress({
            reported: [{ code: 'models_kept', kind: 'team', id: createTeam().team_id }],
          }),
        }),
      }),
    );
    for (const page of pages) {
      const places = page.split('\u202E').slice(0, -1);
      expect(places.length).toBeGreaterThanOrEqual(9);
      expect(places.filter((before) => !before.endsWith('<bdi>'))).toEqual([]);
      expect(page.match(/<bdi>/g)).toHaveLength(page.match(/<\/bdi>/g)?.length ?? 0);
    }
  });

  it('keeps a hostile id and reason inside the attributes that the script reads', () => {
    const access = createPendingAccess({ id: '"><script>', reason: '" onload="x' });
    const page = renderHome({ nonce: 'n', access });
    expect(page).toContain('data-observation="&quot;&gt;&lt;script&gt;"');
    expect(page).toContain('data-progress="&quot;&gt;&lt;script&gt;|pending|&quot; onload=&quot;x|||"');
  });

  it('signs out by a form that posts', () => {
    expect(renderHome({ nonce: 'n', access: createAccess() })).toMatch(
      /<form method="post" action="\/sso\/logout">\s*<button class="button compact" type="submit">Sign out<\/button>/u,
    );
  });
});

describe('a team', () => {
  it('inherits models and budget, which all teams of the organization share', () => {
    const text = readTeam({});
    expect(text).toContain('gpt-3.5-turbo Inherited from the organization.');
    expect(text).toContain(
      '$1,000 per 30 days $61.13 spent by this team. Inherited from the organization. Shared by all teams of the organization.',
    );
  });

  it('has its own models, budget and limits', () => {
    const text = readMain(createAccess({ organizations: [], teams: [createStandaloneTeam()] }));
    expect(text).toContain('claude-sonnet Set on this team.');
    expect(text).toContain('$250 per month $12.50 spent, $237.50 left. Set on this team.');
    expect(text).toContain('120,000 tokens per min 60 requests per min Set on this team.');
  });

  it('is limited by its organization, and shows its own limit', () => {
    const text = readTeam({
      max_budget: 2000,
      effective_models: { all_models: false, models: ['gpt-4'], reason: 'limited' },
      effective_max_budget: {
        value: 1000,
        budget_duration: '30d',
        shared_by: 'organization',
        reason: 'limited',
      },
      effective_tpm_limit: { value: 500, reason: 'limited' },
    });
    expect(text).toContain('The team has more models. These are the ones that its organization allows.');
    expect(text).toContain('Limited by the organization. The team’s own limit is $2,000.');
    expect(text).toContain('500 tokens per min Limited by the organization. No limit on requests');
  });

  it('says that none of its models is allowed', () => {
    const text = readTeam({ effective_models: { all_models: false, models: [], reason: 'limited' } });
    expect(text).toContain('No models The organization allows none of this team’s models.');
  });

  it('has no limit', () => {
    const text = readTeam({
      effective_models: { all_models: true, models: [], reason: 'unlimited' },
      effective_max_budget: { shared_by: 'team', reason: 'unlimited' },
    });
    expect(text).toContain('All models of the proxy Budget No limit $61.13 spent. Rate limits None');
  });

  it('has no organization for now where that could not be created', () => {
    const access = createAccess({ organizations: [], teams: [createStandaloneTeam({ degraded: true })] });
    expect(readMain(access)).toContain('No organization for now');
    expect(readMain(createAccess())).not.toContain('No organization for now');
  });

  it('folds a long list of models', () => {
    const models = Array.from({ length: 15 }, (_, index) => `m${index}`);
    expect(readTeam({ effective_models: { all_models: false, models, reason: 'own' } })).toContain(
      '3 more m12 m13 m14',
    );
  });
});

describe('the progress', () => {
  it.each<[string, Partial<ProvisioningProgress>, readonly string[]]>([
    [
      'pending',
      { status: 'pending' },
      ['Setting up your access', 'This takes a few seconds.', 'Groups as of 4 Mar 2026, 09:15:02 UTC'],
    ],
    [
      'pending again',
      { status: 'pending', reason: 'storage_contention', attempts: 1 },
      ['The same data was being changed', 'We’re trying again.', 'Tried 1 time'],
    ],
    [
      'waiting',
      {
        status: 'waiting',
        reason: 'directory_unreachable',
        attempts: 3,
        next_try_at: '2026-03-04T09:25:02Z',
      },
      [
        'Setup is waiting',
        'Microsoft Graph doesn’t answer',
        'Tried 3 times',
        'Next try 4 Mar 2026, 09:25:02 UTC',
        'Reason directory_unreachable',
      ],
    ],
    [
      'failed',
      { status: 'failed', reason: 'waited_too_long', updated_at: '2026-03-05T09:15:02Z' },
      [
        'Setup failed',
        'We tried for 24 hours and stopped.',
        'Sign in again',
        'Reason waited_too_long',
        'Finished 5 Mar 2026, 09:15:02 UTC',
        'We haven’t set up anything for you yet.',
      ],
    ],
    [
      'failed for a reason unknown here',
      { status: 'failed', reason: 'brand_new' },
      ['An unexpected error occurred.', 'Reason brand_new'],
    ],
    ['superseded', { status: 'superseded' }, ['A newer sign-in took over', 'Show its result']],
    [
      'done, without any team',
      { status: 'done', removed: 1 },
      ['You are signed in', 'You are in no organization or team yet. 1 membership removed.'],
    ],
  ])('says that it is %s', (_name, changes, texts) => {
    const text = readMain(createPendingAccess(changes));
    for (const each of texts) expect(text).toContain(each);
  });

  it('says that it is done, and what changed, to a person with a team', () => {
    const texts = [
      [{}, 'No changes since your last sign-in.'],
      [{ granted: 2, removed: 1 }, '2 memberships granted, 1 membership removed.'],
    ] as const;
    for (const [counts, text] of texts) {
      const provisioning = { status: 'done' as const, reported: [], ...counts };
      const main = readMain(createAccess({ provisioning, teams: [createTeam()] }));
      expect(main).toContain('Your access is up to date');
      expect(main).toContain(text);
    }
  });

  it.each([
    ['proxy_admin', 'You administer the LiteLLM proxy.'],
    ['proxy_admin_viewer', 'You can see everything in the LiteLLM proxy.'],
    ['internal_user', 'You are in no organization or team yet.'],
    ['internal_user_viewer', 'You have no access to models yet.'],
  ] as const)('promises nothing to a person of role %s without a team', (role, text) => {
    const access = createPendingAccess({ status: 'done' });
    const main = readMain({ ...access, user: { ...access.user, user_role: role } });
    expect(main).toContain(text);
    expect(main).not.toContain('up to date');
  });

  it('shows a person without an observation, and a text that isn’t an instant', () => {
    const { provisioning: _progress, ...rest } = createPendingAccess();
    expect(readMain({ ...rest, provisioning: { status: 'pending', reported: [] } })).toContain(
      'Setting up your access',
    );
    expect(readMain(createPendingAccess({ observed_at: 'yesterday' }))).toContain('Groups as of yesterday');
  });

  it.each<[Reported['code'], string]>([
    ['organization_unavailable', 'Organization a1 couldn’t be created.'],
    [
      'row_unreadable',
      'Team a2 is withheld: its stored row is unreadable. The operator needs to correct it. row_unreadable · LiteLLMTeamTable, a2, models',
    ],
    ['row_missing', 'Team a3 is withheld: its stored row is missing.'],
    ['last_org_admin', '(Europe, Middle East, Africa) keeps you as its organization admin'],
    [
      'group_not_yet_known',
      'Group f0b2c4d6-5555-4aaa-8bbb-000000000005 is in your sign-in, but not in the list',
    ],
    ['standalone_for_now', 'Team Research Sandbox has no organization for now'],
    ['models_kept', 'Team a4 is linked to its organization. Its models were edited by hand'],
  ])('reports %s', (code, expected) => {
    expect(EVERY_REPORT.map((report) => report.code)).toContain(code);
    const text = readMain(createFullAccess());
    expect(text).toContain('Set up, with exceptions');
    expect(text).toContain(expected);
  });

  it('mentions no exceptions where none were reported', () => {
    expect(readMain(createAccess({ provisioning: createProgress() }))).not.toMatch(/exceptions/iu);
  });

  it('reloads without scripts while it is under way, and only then', () => {
    const refresh = /<noscript><meta http-equiv="refresh" content="(?<seconds>\d+)" \/><\/noscript>/u;
    const render = (access: MyAccess) =>
      refresh.exec(renderHome({ nonce: 'n', access }))?.groups?.['seconds'];
    expect(render(createPendingAccess())).toBe('5');
    expect(render(createPendingAccess({ status: 'waiting' }))).toBe('60');
    expect(render(createAccess())).toBeUndefined();
    expect(render(createPendingAccess({ status: 'failed' }))).toBeUndefined();
  });

  it('tells a person without groups what to do, once their groups are known', () => {
    expect(readMain(createPendingAccess({ status: 'done' }))).toContain(
      'Ask an Entra administrator to add you to a group',
    );
    expect(readMain(createPendingAccess())).toContain('They appear here as soon as they’re ready.');
  });
});

describe('LiteLLM', () => {
  it.each<[string, LitellmPresence, string]>([
    ['there', createPresence(), 'In LiteLLM since 4 Mar 2026, 09:15 UTC'],
    ['there before', { state: 'in_litellm', reported: [] }, 'In LiteLLM'],
    ['not there yet', { state: 'not_yet', reported: [] }, 'Not in LiteLLM yet.'],
    [
      'not there because the proxy is down',
      { state: 'not_yet', reason: 'litellm_unreachable', reported: [] },
      'Not in LiteLLM yet. The LiteLLM proxy doesn’t answer.',
    ],
    [
      'not there because its row is missing',
      { state: 'not_yet', reason: 'row_missing', reported: [{ code: 'row_missing' }] },
      'Not in LiteLLM yet. Its stored row was missing or unreadable, so we couldn’t update LiteLLM.',
    ],
    [
      'refused',
      { state: 'refused', reason: 'litellm_refused', reported: [{ code: 'refused', detail: '400' }] },
      'Refused by LiteLLM (status 400). Ask the LiteLLM admin to check this.',
    ],
    [
      'refused with the user',
      { state: 'refused', reason: 'litellm_email_taken', reported: [] },
      'Refused by LiteLLM. Another user of the LiteLLM proxy has this email. A LiteLLM admin must change that user’s email or delete that user. Ask the LiteLLM admin to check this.',
    ],
    [
      'stopped',
      { state: 'failed', reason: 'waited_too_long', reported: [] },
      'Not in LiteLLM. We tried for 24 hours and stopped. Ask the operator to try again.',
    ],
    [
      'unknown',
      { state: 'unknown', reason: 'row_unreadable', reported: [] },
      'LiteLLM status unknown. A stored row is unreadable. The operator needs to correct it.',
    ],
    [
      'there with a lesser role',
      createPresence({ role: 'user', reported: [{ code: 'role_needs_licence' }] }),
      'Your role in LiteLLM is Member. LiteLLM needs a licence for team admins. Ask the LiteLLM admin.',
    ],
    [
      'there with a role that was changed',
      createPresence({ role: 'org_admin', reported: [{ code: 'differs', detail: 'role' }] }),
      'Your role in LiteLLM is Organization admin. It was changed in LiteLLM, and we kept that change. If it should match this page, ask the LiteLLM admin.',
    ],
    [
      'there with an unknown role',
      createPresence({ reported: [{ code: 'differs', detail: 'role' }] }),
      'Your role: It was changed in LiteLLM, and we kept that change.',
    ],
    [
      'there with its earlier role',
      createPresence({ role: 'owner' }),
      'Your role in LiteLLM is still owner.',
    ],
    [
      'there with other settings',
      createPresence({ reported: [{ code: 'differs', detail: 'max_budget, models' }] }),
      'It was changed in LiteLLM, and we kept that change ( max_budget, models). If it should match this page, ask the LiteLLM admin.',
    ],
    [
      'there with a value that can’t be cleared',
      createPresence({ reported: [{ code: 'cannot_be_cleared', detail: 'tpm_limit' }] }),
      'It is empty here, but LiteLLM can’t clear it ( tpm_limit). Ask the LiteLLM admin to clear it.',
    ],
    [
      'there without a change',
      createPresence({ reported: [{ code: 'refused', detail: '400' }] }),
      'LiteLLM refused a change (status 400). Ask the LiteLLM admin to check this.',
    ],
  ])('is shown as %s, for organization, team and user', (_name, presence, expected) => {
    const text = readMain(createSyncedAccess({ status: 'done' }, presence));
    expect(text.split(expected)).toHaveLength(4);
  });

  it.each<[string, Partial<LitellmProgress>, readonly string[]]>([
    [
      'done',
      { status: 'done' },
      ['Your access is up to date 2 memberships granted. LiteLLM is up to date too.'],
    ],
    [
      'pending',
      { status: 'pending' },
      ['Almost ready: LiteLLM is being updated 2 memberships granted. LiteLLM is updated next'],
    ],
    [
      'pending again',
      { status: 'pending', reason: 'storage_contention' },
      ['LiteLLM isn’t up to date yet. The same data was being changed', 'We’re trying again.'],
    ],
    [
      'waiting',
      { status: 'waiting', reason: 'litellm_unreachable', next_try_at: '2026-03-04T09:25:02Z' },
      [
        'Almost ready: LiteLLM is being updated',
        'LiteLLM isn’t up to date yet. The LiteLLM proxy doesn’t answer. Next try 4 Mar 2026, 09:25:02 UTC.',
        'LiteLLM litellm_unreachable',
      ],
    ],
    [
      'failed',
      { status: 'failed', reason: 'litellm_refused' },
      ['Ready here. LiteLLM needs attention.', 'Some changes did not reach LiteLLM.'],
    ],
    [
      'unknown',
      { status: 'unknown', reason: 'row_unreadable' },
      ['Ready here. LiteLLM needs attention.', 'We don’t know what LiteLLM has. A stored row is unreadable.'],
    ],
  ])('is shown in the progress: %s', (_name, litellm, texts) => {
    const text = readMain(createSyncingAccess(litellm));
    for (const each of texts) expect(text).toContain(each);
    expect(text).not.toContain('Not connected');
  });

  it('is updated after the rows are written', () => {
    const pending = { ...createPendingAccess(), litellm: { connected: true, status: 'pending' as const } };
    expect(readMain(pending)).toContain('LiteLLM is updated next.');
  });

  it('is mentioned once where no proxy is connected', () => {
    const text = readMain(createAccess());
    expect(text).toContain(
      'LiteLLM proxy Not connected Your access is ready. No LiteLLM proxy is connected.',
    );
    expect(text).toContain('Your access is up to date');
    expect(text).not.toMatch(/In LiteLLM|LiteLLM is/u);
  });

  it('escapes what the proxy and the record say', () => {
    const hostile = '<img src=x onerror="alert(1)">';
    const page = renderHome({
      nonce: 'n',
      access: createSyncedAccess(
        { status: 'waiting', reason: hostile, next_try_at: '"><b>' },
        createPresence({
          since: hostile,
          role: hostile,
          reported: [
            { code: 'differs', detail: hostile },
            { code: 'role_needs_licence', detail: hostile },
            { code: 'refused', detail: hostile },
          ],
        }),
      ),
    });
    expect(page).not.toMatch(/<img|"><b>/u);
    expect(page).toContain('&lt;img src=x onerror=&quot;alert(1)&quot;&gt;');
  });

  it('is in the attributes that the script compares', () => {
    const attributes = (access: MyAccess) =>
      /<main[^>]*>/u.exec(renderHome({ nonce: 'n', access }))?.[0].replace(/\s+/gu, ' ');
    const waiting = createSyncingAccess({
      status: 'waiting',
      reason: 'litellm_unreachable',
      attempts: 2,
      updated_at: '2026-03-04T09:20:02Z',
      next_try_at: '2026-03-04T09:25:02Z',
    });
    expect(attributes(waiting)).toContain(
      'data-litellm="waiting|litellm_unreachable|2|2026-03-04T09:20:02Z|2026-03-04T09:25:02Z" data-syncing="waiting" data-next-try="2026-03-04T09:25:02Z"',
    );
    expect(attributes(createSyncingAccess())).toContain('data-syncing="pending"');
    expect(attributes({ ...waiting, provisioning: createProgress({ status: 'waiting' }) })).toContain(
      'data-syncing="" data-next-try=""',
    );
    const settled: readonly MyAccess[] = [
      createSyncedAccess(),
      createAccess(),
      createSyncingAccess({ status: 'failed' }),
      createSyncingAccess({ status: 'unknown' }),
      { ...createSyncingAccess(), provisioning: createProgress({ status: 'failed' }) },
    ];
    for (const access of settled) expect(attributes(access)).toContain('data-syncing=""');
  });

  it('reloads rarely without scripts while it is being updated', () => {
    const render = (access: MyAccess) =>
      /http-equiv="refresh" content="(?<seconds>\d+)"/u.exec(renderHome({ nonce: 'n', access }))?.groups?.[
        'seconds'
      ];
    expect(render(createSyncingAccess())).toBe('60');
    expect(render(createSyncingAccess({ status: 'waiting' }))).toBe('300');
    expect(render(createSyncedAccess())).toBeUndefined();
  });
});

describe('renderSignedOut', () => {
  it('says what this is and leads to the login', () => {
    const page = renderSignedOut({ nonce: 'n' });
    expect(page).toMatch(/Your Microsoft Entra groups become your LiteLLM organizations\s+and\s+teams/u);
    expect(page).toMatch(
      /<a class="microsoft" href="\/sso\/login">[\s\S]*<span>Login with Microsoft<\/span>/u,
    );
    expect(page).not.toContain('class="notice"');
  });

  it('says why a person is signed out', () => {
    expect(renderSignedOut({ nonce: 'n', notice: 'signed_out' })).toContain(
      'You’re signed out, here and in all other browsers.',
    );
    expect(renderSignedOut({ nonce: 'n', notice: 'session_ended' })).toContain('Your session has ended.');
  });
});
