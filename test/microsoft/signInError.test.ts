import { describe, expect, it } from 'vitest';
import { AADSTS_NUMBERS } from '../../shared/microsoft/aadsts.ts';
import { type EntraRefusal, signInError } from '../../shared/microsoft/signInError.ts';
import { errorStatus, failureStatus } from '../../shared/web/errorStatus.ts';
import { failureLevel } from '../../shared/web/http.ts';
import { errorTexts } from '../../shared/web/pages/errorTexts.ts';

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
    [{ error: 'unauthorized_client', number: 700_016 }, 'application_misconfigured'],
    [{ error: 'unauthorized_client' }, 'application_misconfigured'],
    [{ error: 'unauthorized_client', number: 7_000_112 }, 'application_disabled'],
    [{ error: 'invalid_client', number: 7_000_112 }, 'application_disabled'],
    [{ error: 'invalid_client', description: described(650_053) }, 'application_misconfigured'],
    [{ error: 'invalid_client' }, 'credential_refused'],
    [{ error: 'interaction_required', number: 50_076, claims }, 'interaction_required'],
    [{ error: 'access_denied', description: described(53_003) }, 'policy_blocked'],
    [{ error: 'invalid_grant', number: 53_003, claims }, 'policy_blocked'],
    [{ error: 'access_denied', description: described(53_000) }, 'device_refused'],
    [{ error: 'interaction_required', number: 50_053 }, 'account_locked'],
    [{ error: 'access_denied', description: described(50_144) }, 'password_expired'],
    [{ error: 'access_denied', description: described(999_999) }, 'sign_in_refused'],
    [{ error: 'invalid_grant', number: 999_999 }, 'sign_in_refused'],
    [{ error: 'interaction_required', number: 999_999 }, 'interaction_required'],
    [{ error: 'interaction_required' }, 'interaction_required'],
    [{ error: 'login_required', description: described(50_058) }, 'interaction_required'],
    [{ error: 'temporarily_unavailable', number: 90_033 }, 'microsoft_unreachable'],
    [{ error: 'server_error' }, 'microsoft_unreachable'],
    [{ error: 'invalid_request', number: 900_144 }, 'application_misconfigured'],
    [{ error: 'invalid_request' }, 'sign_in_refused'],
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

describe('the table of AADSTS numbers', () => {
  const entries = Object.entries(AADSTS_NUMBERS);
  const numbers = entries.flatMap(([, listed]) => listed);

  it('lists each number once', () => {
    expect(numbers.filter((number, index) => numbers.indexOf(number) !== index)).toEqual([]);
    expect(numbers.length).toBeGreaterThan(150);
  });

  it('decides on each number, whatever OAuth’s error is', () => {
    for (const [code, listed] of entries) {
      for (const number of listed) {
        for (const error of [
          'access_denied',
          'invalid_grant',
          'invalid_client',
          'interaction_required',
          'x',
        ]) {
          expect(signInError({ error, number, claims }).code, `${number} ${error}`).toBe(code);
        }
      }
    }
  });

  it.each([
    ['a policy blocks', 53_003, 'administrator'],
    ['a policy of another tenant blocks', 500_213, 'administrator'],
    ['security defaults block', 530_035, 'administrator'],
    ['the application is disabled', 7_000_112, 'administrator'],
    ['nobody consented', 65_001, 'administrator'],
    ['the person isn’t assigned', 50_105, 'administrator'],
    ['the account is disabled', 50_057, 'administrator'],
    ['the account is locked', 50_053, 'administrator'],
    ['the federated system fails', 20_012, 'administrator'],
    ['the device isn’t compliant', 53_000, 'you'],
    ['the second factor was not completed', 50_074, 'you'],
    ['the password has expired', 50_055, 'you'],
    ['the person declined', 65_004, 'you'],
    ['the code was used', 54_005, 'you'],
    ['the secret has expired', 7_000_222, 'operator'],
    ['the federated credential does not match', 700_213, 'operator'],
    ['the application is unknown', 700_016, 'operator'],
    ['Entra is too busy', 90_033, 'time'],
  ] as const)('names who can fix it where %s', (_, number, fixer) => {
    expect(errorTexts[signInError({ number }).code].fixer).toBe(fixer);
  });
});

describe('a refusal that only the query states', () => {
  it.each([
    [{ error: 'invalid_client' }, 'sign_in_refused'],
    [{ error: 'invalid_client', description: described(7_000_222) }, 'sign_in_refused'],
    [{ error: 'access_denied', description: described(700_213) }, 'sign_in_refused'],
    [{ error: 'invalid_grant' }, 'sign_in_refused'],
    [{ error: 'invalid_grant', description: described(70_008) }, 'sign_in_refused'],
    [{ error: 'access_denied', description: described(53_003) }, 'policy_blocked'],
    [{ error: 'access_denied', description: described(50_105) }, 'not_assigned'],
    [{ error: 'unauthorized_client', description: described(7_000_112) }, 'application_disabled'],
    [{ error: 'server_error' }, 'microsoft_unreachable'],
  ])('never says what only the token endpoint can say, and is marked: %j', (refusal, code) => {
    const error = signInError({ ...refusal, source: 'query' });
    expect(error).toMatchObject({ code, details: { source: 'query' } });
    expect(failureStatus(error)).toBeLessThan(500);
    expect(failureLevel(error)).toBe('warn');
    expect(failureStatus(signInError(refusal))).toBe(errorStatus(signInError(refusal).code));
  });
});
