import { describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../../shared/model/errors.ts';
import { errorStatus } from '../../../shared/web/errorStatus.ts';
import { errorTexts } from '../../../shared/web/pages/errorTexts.ts';
import { renderConfigurationFault } from '../../../shared/web/pages/renderConfigurationFault.ts';
import { renderError } from '../../../shared/web/pages/renderError.ts';
import { CORRELATION_ID, ERROR_CODES, ERROR_PAGES } from './samplePages.ts';

const nonce = 'n';

function findRetry(page: string): string | undefined {
  return /<a class="button primary" href="(?<href>[^"]*)"/u.exec(page)?.groups?.['href'];
}

describe('renderError', () => {
  it.each(ERROR_CODES)('says what happened, what to do and who can fix %s', (code) => {
    const page = ERROR_PAGES.get(code) ?? '';
    const { title, happened, todo, hint } = errorTexts[code];
    for (const text of [title, happened, todo]) expect(text).toMatch(/^.{8,}$/u);
    for (const text of [`<h1>${title}</h1>`, happened, todo, hint ?? '', code, CORRELATION_ID]) {
      expect(page).toContain(text);
    }
    expect(page).toContain('Who can fix it');
    expect(findRetry(page)).toBe(errorTexts[code].retry === 'login' ? '/sso/login' : '/');
  });

  it('says of a failed sign-in that the person isn’t signed in, and only there', () => {
    expect(ERROR_PAGES.get('not_assigned')).toContain('You aren’t signed in.');
    expect(ERROR_PAGES.get('storage_unavailable')).not.toContain('You aren’t signed in.');
  });

  it('shows details and the hint escaped', () => {
    const page = renderError({
      nonce,
      code: 'sign_in_refused',
      correlationId: '"><img src=x>',
      detail: '<script>alert(1)</script>',
      adminHint: '<b>hint</b>',
    });
    expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
    expect(page).toContain('&lt;b&gt;hint&lt;/b&gt;');
    expect(page).toContain('&quot;&gt;&lt;img src=x&gt;');
    expect(page).not.toContain('<img');
  });

  it.each([
    ['/sso/login?login_hint=a', '/sso/login?login_hint=a'],
    ['https://evil.example', '/sso/login'],
    ['//evil.example', '/sso/login'],
    [String.raw`/\evil.example`, '/sso/login'],
    ['javascript:alert(1)', '/sso/login'],
    ['/a\nb', '/sso/login'],
  ])('offers %j as %s', (retryHref, expected) => {
    const page = renderError({ nonce, code: 'attempt_missing', correlationId: CORRELATION_ID, retryHref });
    expect(findRetry(page)).toBe(expected);
  });
});

describe('errorStatus', () => {
  it.each(ERROR_CODES)('has an error status for %s', (code) => {
    expect(errorStatus(code)).toBeGreaterThanOrEqual(400);
    expect(errorStatus(code)).toBeLessThan(600);
  });

  it.each<[ErrorCode, number]>([
    ['attempt_missing', 400],
    ['state_mismatch', 400],
    ['session_missing', 401],
    ['consent_missing', 403],
    ['not_assigned', 403],
    ['wrong_tenant', 403],
    ['domain_not_allowed', 403],
    ['not_found', 404],
    ['unexpected', 500],
    ['microsoft_unreachable', 502],
    ['configuration_invalid', 503],
    ['storage_unavailable', 503],
  ])('has for %s the status %i', (code, status) => {
    expect(errorStatus(code)).toBe(status);
  });
});

describe('renderConfigurationFault', () => {
  it('names the settings to correct and where the operator finds details', () => {
    const page = renderConfigurationFault({ nonce, settings: ['MICROSOFT_TENANT', '<b>'] });
    expect(page).toContain('<code>MICROSOFT_TENANT</code>');
    expect(page).toContain('<code>&lt;b&gt;</code>');
    expect(page).toContain('/api/health/detail');
    expect(page).toContain('The settings to correct');
  });

  it('uses the singular for one setting, and no heading for none', () => {
    expect(renderConfigurationFault({ nonce, settings: ['A'] })).toContain('The setting to correct');
    expect(renderConfigurationFault({ nonce, settings: [] })).not.toContain('to correct');
  });
});
