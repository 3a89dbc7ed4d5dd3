import { errorTexts } from '../../../shared/web/pages/errorTexts.ts';
import { renderConfigurationFault } from '../../../shared/web/pages/renderConfigurationFault.ts';
import { renderError } from '../../../shared/web/pages/renderError.ts';
import { renderHome } from '../../../shared/web/pages/renderHome.ts';
import { renderSignedOut } from '../../../shared/web/pages/renderSignedOut.ts';
import type { ErrorCode } from '../../../shared/model/errors.ts';
import {
  createAccess,
  createFullAccess,
  createFullSyncedAccess,
  createPendingAccess,
  createProgress,
  createStandaloneTeam,
  createTeam,
  createSyncingAccess,
  createSyncedAccess,
  SAMPLE_PROXY,
} from './sampleAccess.ts';
import { NONCE } from './servePages.ts';

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorTexts, code);
}

/** Every error code: `errorTexts` is complete by type. */
export const ERROR_CODES: readonly ErrorCode[] = Object.keys(errorTexts).filter((code) => isErrorCode(code));

export const CORRELATION_ID = '0f5c1f0e-8a2e-4f3d-9a33-5c1d7b1f2a90';

const nonce = NONCE;

/** Every state of every page except the error pages, by a name. */
export const STATE_PAGES: ReadonlyMap<string, string> = new Map([
  ['signed-out', renderSignedOut({ nonce })],
  ['signed-out-notice', renderSignedOut({ nonce, notice: 'session_ended' })],
  ['done', renderHome({ nonce, access: createAccess({ teams: [createTeam(), createStandaloneTeam()] }) })],
  ['full', renderHome({ nonce, access: createFullAccess() })],
  ['pending', renderHome({ nonce, access: createPendingAccess() })],
  [
    'waiting',
    renderHome({
      nonce,
      access: createPendingAccess({
        status: 'waiting',
        reason: 'directory_permission_missing',
        attempts: 3,
        next_try_at: '2026-03-04T09:25:02Z',
      }),
    }),
  ],
  [
    'failed',
    renderHome({ nonce, access: createPendingAccess({ status: 'failed', reason: 'waited_too_long' }) }),
  ],
  [
    'superseded',
    renderHome({ nonce, access: createAccess({ provisioning: createProgress({ status: 'superseded' }) }) }),
  ],
  ['empty', renderHome({ nonce, access: createPendingAccess({ status: 'done' }) })],
  [
    'pending-connected',
    renderHome({
      nonce,
      access: { ...createPendingAccess(), litellm: { connected: true, status: 'pending' } },
    }),
  ],
  [
    'waiting-connected',
    renderHome({
      nonce,
      access: {
        ...createPendingAccess({
          status: 'waiting',
          reason: 'directory_permission_missing',
          attempts: 3,
          next_try_at: '2026-03-04T09:25:02Z',
        }),
        litellm: { connected: true, status: 'pending' },
      },
    }),
  ],
  ['synced', renderHome({ nonce, access: createSyncedAccess() })],
  ['syncing', renderHome({ nonce, access: createSyncingAccess() })],
  [
    'syncing-waiting',
    renderHome({
      nonce,
      access: createSyncingAccess({
        status: 'waiting',
        reason: 'litellm_unreachable',
        attempts: 3,
        next_try_at: '2026-03-04T09:25:02Z',
      }),
    }),
  ],
  [
    'synced-unknown',
    renderHome({
      nonce,
      access: createSyncedAccess(
        { status: 'unknown', reason: 'row_unreadable' },
        { state: 'unknown', reason: 'row_unreadable', reported: [] },
      ),
    }),
  ],
  [
    'proxy',
    renderHome({
      nonce,
      access: createAccess({ litellm: { connected: true, status: 'done', proxy: SAMPLE_PROXY } }),
    }),
  ],
  [
    'proxy-unsafe',
    renderHome({
      nonce,
      access: createAccess({
        litellm: {
          connected: true,
          status: 'done',
          proxy: {
            status: 'failing',
            error: 'litellm_version_unsafe',
            hint: 'Nothing is sent to it.',
            version: '1.82.7',
            tested_range: '1.80.0 to 1.108.0',
            warnings: [],
          },
        },
      }),
    }),
  ],
  ['synced-full', renderHome({ nonce, access: createFullSyncedAccess() })],
  ['configuration', renderConfigurationFault({ nonce, settings: ['MICROSOFT_TENANT', 'PUBLIC_URL'] })],
]);

/** The page of every error code, by the code. */
export const ERROR_PAGES: ReadonlyMap<string, string> = new Map(
  ERROR_CODES.map((code) => [
    code,
    renderError({ nonce, code, correlationId: CORRELATION_ID, detail: 'AADSTS50105', adminHint: 'A hint.' }),
  ]),
);

export const ALL_PAGES: ReadonlyMap<string, string> = new Map([...STATE_PAGES, ...ERROR_PAGES]);
