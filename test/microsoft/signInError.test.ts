import { describe, expect, it } from 'vitest';
import { type EntraRefusal, signInError } from '../../shared/microsoft/signInError.ts';

const claims = '{"access_token":{"acrs":{"essential":true,"value":"c1"}}}';
const described = (number: number): string =>
  `AADSTS${number}: alice@company.com was refused.\r\nTrace ID: x`;

describe('signInError', () => {
  const table: readonly (readonly [refusal: EntraRefusal, code: string])[] = [
    [{ error: 'invalid_grant', number: 65_001 }, 'consent_missing'],
    [{ error: 'access_denied', description: described(65_001) }, 'consent_missing'],
    [{ error: 'invalid_grant', suberror: 'consent_required' }, 'consent_missing'],
    [{ error: 'interaction_required', suberror: 'consent_required', claims }, 'consent_missing'],
    [{ error: 'consent_required' }, 'consent_missing'],
    [{ error: 'access_denied', description: described(90_094) }, 'consent_missing'],
    [{ error: 'access_denied', description: described(65_004) }, 'consent_declined'],
    [{ error: 'access_denied', suberror: 'cancel' }, 'consent_declined'],
    [{ error: 'access_denied' }, 'consent_declined'],
    [{ error: 'access_denied', description: described(50_105) }, 'not_assigned'],
    [{ error: 'invalid_grant', number: 50_105 }, 'not_assigned'],
    [{ error: 'access_denied', number: '50057' }, 'account_disabled'],
    [{ error: 'invalid_grant', number: 50_020 }, 'wrong_tenant'],
    [{ error: 'invalid_grant', number: 70_008 }, 'code_refused'],
    [{ error: 'invalid_request', number: 70_000 }, 'code_refused'],
    [{ error: 'invalid_grant', number: 54_005 }, 'code_refused'],
    [{ error: 'invalid_grant', number: 501_481 }, 'code_refused'],
    [{ error: 'invalid_grant' }, 'code_refused'],
    [{ error: 'invalid_client', number: 7_000_215 }, 'credential_refused'],
    [{ error: 'invalid_client', number: 7_000_222 }, 'credential_refused'],
    [{ error: 'invalid_request', number: 70_021 }, 'credential_refused'],
    [{ error: 'invalid_request', number: 700_213 }, 'credential_refused'],
    [{ error: 'unauthorized_client', number: 700_016 }, 'credential_refused'],
    [{ error: 'invalid_client' }, 'credential_refused'],
    [{ error: 'interaction_required', number: 50_076, claims }, 'interaction_required'],
    [{ error: 'invalid_grant', number: 53_003, claims }, 'interaction_required'],
    [{ error: 'interaction_required' }, 'interaction_required'],
    [{ error: 'login_required', description: described(50_058) }, 'interaction_required'],
    [{ error: 'temporarily_unavailable', number: 90_033 }, 'microsoft_unreachable'],
    [{ error: 'server_error' }, 'microsoft_unreachable'],
    [{ error: 'invalid_request', number: 900_144 }, 'sign_in_refused'],
    [{ error: 'constructor' }, 'sign_in_refused'],
    [{}, 'sign_in_refused'],
  ];

  it.each(table)('takes %j for %s', (refusal, code) => {
    expect(signInError(refusal)).toMatchObject({ code, retryable: code === 'microsoft_unreachable' });
  });

  it('keeps the number and the names of the errors, and nothing that could name a person', () => {
    const error = signInError({ error: 'access_denied', suberror: 'cancel', description: described(65_004) });
    expect(error.details).toEqual({ oauthError: 'access_denied', suberror: 'cancel', aadsts: '65004' });
    const crafted = signInError({ error: 'alice@company.com', suberror: 'Alice', number: 'alice' });
    expect(crafted.details).toEqual({ oauthError: 'other', suberror: 'other' });
    expect(crafted.message).not.toContain('alice');
  });

  it('brings a challenge that can be replayed, and only with interaction_required', () => {
    expect(signInError({ error: 'interaction_required', claims }).details['claims']).toBe(claims);
    expect(signInError({ error: 'invalid_grant', number: 65_001, claims }).details).not.toHaveProperty(
      'claims',
    );
  });

  it.each([
    '',
    'null',
    '[]',
    '"x"',
    '{',
    '{"id_token":null}',
    '{"id_token":1}',
    `{"a":{"b":"${'x'.repeat(2000)}"}}`,
  ])('does not replay the challenge %j', (unusable) => {
    const error = signInError({ error: 'interaction_required', claims: unusable });
    expect(error.code).toBe('interaction_required');
    expect(error.details).not.toHaveProperty('claims');
  });
});
