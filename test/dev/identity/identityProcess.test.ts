import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { startIdentityProcess } from '../../../dev/identity/identityProcess.ts';
import type { IdentityProcess, IdentityProcessOptions } from '../../../dev/identity/identityProcess.ts';
import { createSampleDirectory, sampleGroups } from '../../../dev/identity/sampleDirectory.ts';
import { walkSignIn } from '../../../dev/identity/signInWalk.ts';
import type { SignInWalk } from '../../../dev/identity/signInWalk.ts';
import { createStateDir } from './identityFixture.ts';

const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) {
    await cleanup();
  }
});

function openStateDir(): string {
  const { stateDir, remove } = createStateDir();
  cleanups.push(remove);
  return stateDir;
}

async function start(options: IdentityProcessOptions): Promise<IdentityProcess> {
  const identity = await startIdentityProcess(options);
  cleanups.push(() => identity.stop());
  return identity;
}

const readKeys = async (identity: IdentityProcess): Promise<unknown> =>
  (await fetch(`${identity.browserUrl}/${identity.tenantId}/discovery/v2.0/keys`)).json();

describe('the process of the emulator', () => {
  it('prints its addresses and who can sign in, and stops on request', async () => {
    const identity = await start({ stateDir: openStateDir() });
    expect(identity.url).toMatch(/^https:\/\/localhost:\d+$/);
    expect(identity.browserUrl).toMatch(/^http:\/\/localhost:\d+$/);
    expect(identity.people).toContainEqual({
      login: 'alice@company.com',
      about: 'In Production Team, and in a group that is not assigned',
    });
    expect(readFileSync(identity.caFile, 'utf8')).toContain('BEGIN CERTIFICATE');
    await identity.stop();
    await identity.stop();
    expect(await identity.exited).toBe('exit code 0');
    await expect(fetch(identity.browserUrl)).rejects.toThrow('fetch failed');
  });

  it('keeps its certificate, key, secret and every change to the tenant between starts', async () => {
    const stateDir = openStateDir();
    const first = await start({ stateDir });
    const keys = await readKeys(first);
    await first.control.editDirectory({ edit: 'deleteGroup', group: sampleGroups.empty });
    await first.stop();
    const ca = readFileSync(first.caFile, 'utf8');

    const second = await start({ stateDir });
    expect(await readKeys(second)).toEqual(keys);
    expect(second.clientSecret).toBe(first.clientSecret);
    expect(readFileSync(second.caFile, 'utf8')).toBe(ca);
    const { groups } = await second.control.readDirectory();
    expect(groups.some((group) => group.id === sampleGroups.empty)).toBe(false);
  });

  it('uses the tenant in a file instead of the kept one', async () => {
    const stateDir = openStateDir();
    const directoryFile = join(stateDir, 'mine.json');
    const mine = { ...createSampleDirectory(), groups: [{ id: 'only', displayName: 'Only' }] };
    writeFileSync(directoryFile, JSON.stringify(mine));
    const identity = await start({ stateDir, directoryFile });
    expect((await identity.control.readDirectory()).groups.map((group) => group.id)).toEqual(['only']);
  });

  it('accepts the redirect URIs from its options, exactly', async () => {
    const given = 'https://app.example.com/sso/callback';
    const identity = await start({ stateDir: openStateDir(), redirectUris: [given] });
    const attempt = (redirectUri: string): Promise<SignInWalk> => {
      const query = new URLSearchParams({
        client_id: identity.clientId,
        response_type: 'code',
        redirect_uri: redirectUri,
        scope: 'openid',
        login_hint: 'alice@company.com',
        code_challenge: 'a'.repeat(43),
        code_challenge_method: 'S256',
      });
      return walkSignIn(
        `${identity.browserUrl}/${identity.tenantId}/oauth2/v2.0/authorize?${query.toString()}`,
      );
    };
    expect((await attempt(given)).redirect?.href).toContain(`${given}?code=`);
    expect((await attempt('http://localhost:1/sso/callback')).redirect?.searchParams.has('code')).toBe(true);
    expect((await attempt(`${given}/`)).page).toContain('AADSTS50011');
  });

  it('does not start with a tenant that contradicts itself, and says why', async () => {
    const stateDir = openStateDir();
    const directoryFile = join(stateDir, 'mine.json');
    const wrong = {
      ...createSampleDirectory(),
      groups: [{ id: 'g', displayName: 'G', memberIds: ['nobody'] }],
    };
    writeFileSync(directoryFile, JSON.stringify(wrong));
    await expect(startIdentityProcess({ stateDir, directoryFile })).rejects.toThrow('unknown member nobody');
  });

  it('says which port is in use', async () => {
    const first = await start({ stateDir: openStateDir() });
    const port = Number(new URL(first.url).port);
    await expect(startIdentityProcess({ stateDir: openStateDir(), port })).rejects.toThrow('EADDRINUSE');
  });
});

describe('the control API', () => {
  const { stateDir, remove } = createStateDir();
  let identity: IdentityProcess;
  beforeAll(async () => {
    identity = await startIdentityProcess({ stateDir });
  });
  afterAll(async () => {
    await identity.stop();
    remove();
  });

  it('changes nothing if one of several edits is wrong', async () => {
    const before = await identity.control.readDirectory();
    await expect(
      identity.control.editDirectory(
        { edit: 'unassignGroup', group: sampleGroups.production },
        { edit: 'unassignGroup', group: 'none' },
      ),
    ).rejects.toThrow('the group none does not exist');
    expect(await identity.control.readDirectory()).toEqual(before);
  });

  it('accepts a whole new directory, but not another tenant id', async () => {
    const sample = createSampleDirectory();
    await identity.control.putDirectory({ ...sample, groups: [] });
    expect((await identity.control.readDirectory()).groups).toEqual([]);
    await expect(
      identity.control.putDirectory({ ...sample, tenantId: '00000000-0000-4000-8000-000000000000' }),
    ).rejects.toThrow('tenant id');
  });

  it('refuses pages in the same browser, and other host names for this machine', async () => {
    const url = `${identity.browserUrl}/control/faults/clear`;
    const simple = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'text/plain' },
      body: '{}',
    });
    expect(simple.status).toBe(415);
    const preflight = await fetch(url, { method: 'OPTIONS', headers: { origin: 'https://evil.example' } });
    expect(preflight.headers.get('access-control-allow-origin')).toBeNull();
    const { request } = await import('node:http');
    const status = await new Promise((resolve) => {
      request(
        `${identity.browserUrl}/control/directory`,
        { headers: { host: 'evil.example' } },
        (response) => {
          resolve(response.resume().statusCode);
        },
      ).end();
    });
    expect(status).toBe(421);
  });
});
