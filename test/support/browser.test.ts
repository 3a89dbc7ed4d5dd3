import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findChromium, skipBrowserTests } from './browser.ts';

describe('findChromium', () => {
  let folder: string;
  const place = (name: string, mode: number) => {
    const path = join(folder, name);
    writeFileSync(path, '');
    chmodSync(path, mode);
    return path;
  };

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'browser-'));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it('prefers CHROMIUM_PATH to PATH', () => {
    const named = place('my-chromium', 0o755);
    const onPath = place('google-chrome', 0o755);
    expect(findChromium({ CHROMIUM_PATH: named, PATH: folder })).toBe(named);
    expect(findChromium({ PATH: folder })).toBe(onPath);
  });

  it('skips files that are not executable', () => {
    const broken = place('chromium', 0o644);
    expect(findChromium({ CHROMIUM_PATH: broken, PATH: folder })).not.toBe(broken);
  });
});

describe('skipBrowserTests', () => {
  it('never skips under CI', () => {
    expect(skipBrowserTests({ CI: 'true', PATH: '' })).toBe(false);
  });
});
