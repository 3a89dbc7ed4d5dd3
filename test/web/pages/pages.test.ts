import { describe, expect, it } from 'vitest';
import { ALL_PAGES } from './samplePages.ts';
import { NONCE } from './servePages.ts';

/** The page without its stylesheet and script. */
function stripConstants(page: string): string {
  return page.replace(/<style[^>]*>[\s\S]*?<\/style>/gu, '').replace(/<script[^>]*>[\s\S]*?<\/script>/gu, '');
}

describe.each([...ALL_PAGES])('the page %s', (_name, page) => {
  it('has no inline handler and no style attribute', () => {
    expect(stripConstants(page)).not.toMatch(/<[^>]*\s(?:on[a-z]+|style)\s*=/iu);
  });

  it('has the nonce on each style and script', () => {
    const opened = page.match(/<(?:style|script)[^>]*>/gu) ?? [];
    expect(opened.length).toBeGreaterThan(0);
    expect(opened.filter((tag) => !tag.includes(`nonce="${NONCE}"`))).toEqual([]);
  });

  it('leads only to this site and loads nothing', () => {
    const targets = [...stripConstants(page).matchAll(/\s(?:href|src|action)="(?<target>[^"]*)"/gu)];
    const outside = targets
      .map((match) => match.groups?.['target'] ?? '')
      .filter((target) => !/^(?:\/(?!\/)|#|data:image\/svg\+xml,)/u.test(target));
    expect(outside).toEqual([]);
    expect(page).not.toMatch(/@import|url\(/u);
  });

  it('names its language, its width, its title and its main part', () => {
    expect(page).toMatch(/^<!doctype html>\n<html lang="en">/u);
    expect(page).toContain('<meta name="viewport" content="width=device-width, initial-scale=1" />');
    expect(page).toMatch(/<title>[^<]+ · LiteLLM access<\/title>/u);
    expect(page.match(/<main/gu)).toHaveLength(1);
    expect(page.match(/<h1/gu)).toHaveLength(1);
  });

  it('never shows an absent value', () => {
    expect(stripConstants(page)).not.toMatch(/undefined|NaN|\[object/u);
  });
});
