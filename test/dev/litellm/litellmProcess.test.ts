import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { startLitellmEmulator } from '../../../dev/litellm/emulator.ts';
import { startLitellmProcess } from '../../../dev/litellm/litellmProcess.ts';
import type { LitellmProcess, LitellmProcessOptions } from '../../../dev/litellm/litellmProcess.ts';
import { cleanUpWith, openFilledProxy, openProxy } from './litellmFixture.ts';

function createStateFile(): string {
  const directory = mkdtempSync(join(tmpdir(), 'litellm-'));
  cleanUpWith(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  return join(directory, 'litellm', 'state.json');
}

async function start(options?: LitellmProcessOptions): Promise<LitellmProcess> {
  const running = await startLitellmProcess(options);
  cleanUpWith(() => running.stop());
  return running;
}

describe('the process of the emulator', () => {
  it('prints its address and key, answers calls and control, and stops on request', async () => {
    const { ready, control, stop, exited } = await start({ version: '1.80.0', masterKey: 'sk-given' });
    expect(ready).toMatchObject({ masterKey: 'sk-given', version: '1.80.0' });
    await control.createTeam({ teamId: 'team' });
    await control.addTeamMember({ teamId: 'team', userId: 'ann' });
    await control.setFaults({ calls: [{ path: '/team/info', status: 503, times: 1 }] });
    const headers = { authorization: 'Bearer sk-given' };
    const ask = async (): Promise<number> =>
      (await fetch(`${ready.url}/team/info?team_id=team`, { headers })).status;
    expect([await ask(), await ask()]).toEqual([503, 200]);
    const { requests, destructive } = await control.readRequests();
    expect([requests.map((each) => each.status), destructive]).toEqual([[503, 200], []]);
    await control.clearRequests();
    expect((await control.readRequests()).requests).toEqual([]);
    expect((await control.readState()).addedBy['team/team/ann']).toBe('hand');
    await expect(control.removeTeamMember({ teamId: 'team', userId: 'bob' })).rejects.toThrow(
      'the team team has no member bob',
    );
    await stop();
    await stop();
    expect(await exited).toBe('exit code 0');
    await expect(fetch(ready.url)).rejects.toThrow('fetch failed');
  });

  it('keeps its key and the rows from calls and edits between starts', async () => {
    const stateFile = createStateFile();
    const first = await start({ stateFile });
    await first.control.createTeam({ teamId: 'team' });
    await fetch(`${first.ready.url}/team/member_add`, {
      method: 'POST',
      headers: { authorization: `Bearer ${first.ready.masterKey}` },
      body: JSON.stringify({ team_id: 'team', member: { user_id: 'ann', role: 'user' } }),
    });
    const kept = await first.control.readState();
    await first.stop();
    const second = await start({ stateFile });
    expect(second.ready.masterKey).toBe(first.ready.masterKey);
    expect(await second.control.readState()).toEqual(kept);
    expect(kept.addedBy['team/team/ann']).toBe('call');
  });

  it('does not start with a state that cannot be read, an unknown profile or a port in use', async () => {
    const stateFile = createStateFile();
    const emulator = await startLitellmEmulator({ stateFile });
    cleanUpWith(() => emulator.stop());
    expect(statSync(stateFile).mode % 0o1000).toBe(0o600);
    writeFileSync(stateFile, '{}');
    await expect(startLitellmEmulator({ stateFile })).rejects.toThrow('cannot be read');
    expect(readFileSync(stateFile, 'utf8')).toBe('{}');
    await expect(startLitellmProcess({ port: Number(new URL(emulator.url).port) })).rejects.toThrow(
      'EADDRINUSE',
    );
  });
});

describe('the control API', () => {
  it('refuses pages in the same browser, and other host names for this machine', async () => {
    const proxy = await openProxy();
    const url = `${proxy.url}/control/faults/clear`;
    const simple = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'text/plain' },
      body: '{}',
    });
    expect(simple.status).toBe(415);
    const status = await new Promise((resolve) => {
      request(`${proxy.url}/control/state`, { headers: { host: 'evil.example' } }, (response) => {
        resolve(response.resume().statusCode);
      }).end();
    });
    expect(status).toBe(421);
  });
});

describe('the page for people', () => {
  it('shows organizations, teams and members with who added them, and the last calls, escaped', async () => {
    const proxy = await openFilledProxy();
    proxy.state.changeAlias({ organizationId: 'org', alias: '<b>Sales</b>' });
    proxy.state.addTeamMember({ teamId: 'team', userId: 'hand-made' });
    await proxy.post('/team/member_add', { team_id: 'team', member: { user_id: 'called', role: 'user' } });
    const response = await fetch(proxy.url);
    expect(response.headers.get('content-type')).toContain('text/html');
    const page = await response.text();
    expect(page).toContain('&lt;b&gt;Sales&lt;/b&gt;');
    expect(page).not.toContain('<b>');
    expect(page).not.toContain(proxy.masterKey);
    const cells = page.replaceAll(/\s+/g, ' ');
    expect(cells).toMatch(/hand-made<\/code><\/td> <td><\/td> <td>user<\/td> <td>an administrator, by hand/);
    expect(cells).toMatch(/called<\/code><\/td> <td><\/td> <td>user<\/td> <td>a call of the API/);
    expect(page).toContain('POST /team/member_add');
  });
});
