import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { type TimerListener, startTimerListener } from '../../../dev/host/timerListener.ts';
import { parseTimerSchedule } from '../../../dev/host/timerSchedule.ts';

const after = new Date('2026-02-27T23:59:30.500Z');

describe('a timer schedule', () => {
  test.each([
    { text: '0 */10 * * * *', next: '2026-02-28T00:00:00.000Z' },
    { text: '*/15 * * * * *', next: '2026-02-27T23:59:45.000Z' },
    { text: '30 59 23 * * *', next: '2026-02-28T23:59:30.000Z' },
    { text: '0 0 9-17/4 * * MON-FRI', next: '2026-03-02T09:00:00.000Z' },
    { text: '0 30 6 1,15 FEB,mar *', next: '2026-03-01T06:30:00.000Z' },
    { text: '0 0 0 29 2 *', next: '2028-02-29T00:00:00.000Z' },
    { text: '0 0 0 13 * 5', next: '2026-03-13T00:00:00.000Z' },
    { text: '0 5/20 * * * *', next: '2026-02-28T00:05:00.000Z' },
  ])('$text is next due at $next', ({ text, next }) => {
    expect(parseTimerSchedule(text).next(after).toISOString()).toBe(next);
  });

  test.each([
    { text: '60 * * * * *', message: 'second' },
    { text: '0 0 0 * * 7', message: 'not valid in Azure' },
    { text: '0 0 0 L * *', message: 'not valid in Azure' },
    { text: '0 0 17-9 * * *', message: '17-9' },
    { text: '0 0 0 */0 * *', message: 'stepping' },
    { text: '5 20 * * *', message: 'six fields' },
    { text: '00:05:00', message: 'six fields' },
  ])('refuses $text', ({ text, message }) => {
    expect(() => parseTimerSchedule(text)).toThrow(message);
  });

  test('says that a day like 30 February never comes', () => {
    expect(() => parseTimerSchedule('0 0 0 30 2 *').next(after)).toThrow('never comes due');
  });
});

describe('a timer', () => {
  let stateDir: string;
  let timer: TimerListener | undefined;
  const runs: unknown[] = [];

  beforeEach(async () => {
    stateDir = await mkdtemp(join(tmpdir(), 'timer-'));
    runs.length = 0;
  });

  afterEach(async () => {
    timer?.stop();
    await rm(stateDir, { recursive: true });
  });

  function start(): void {
    timer = startTimerListener({
      functionName: 'hourly',
      schedule: parseTimerSchedule('0 0 * * * *'),
      runOnStartup: false,
      useMonitor: true,
      stateDir,
      log: () => undefined,
      run: async (input) => {
        runs.push('json' in input ? JSON.parse(input.json) : input);
      },
    });
  }

  async function readRecord(): Promise<{ last: string; next: string }> {
    const text = await readFile(join(stateDir, 'hourly.json'), 'utf8');
    return z.object({ last: z.string(), next: z.string() }).parse(JSON.parse(text));
  }

  async function writeRecord(lastMs: number): Promise<void> {
    const last = new Date(lastMs).toISOString();
    await writeFile(join(stateDir, 'hourly.json'), JSON.stringify({ last, next: last, lastUpdated: last }));
  }

  test('runs at once, past due, if the host missed a run while it was stopped', async () => {
    await writeRecord(Date.now() - 2 * 3_600_000);
    start();
    await vi.waitFor(() => expect(runs).toHaveLength(1));
    expect(runs[0]).toMatchObject({ IsPastDue: true, Schedule: { AdjustForDST: true } });
    await vi.waitFor(async () =>
      expect(Date.parse((await readRecord()).last)).toBeGreaterThan(Date.now() - 5_000),
    );
  });

  test('does not run at its first start, but records the start', async () => {
    start();
    await vi.waitFor(async () => expect(Date.parse((await readRecord()).next)).toBeGreaterThan(Date.now()));
    expect(runs).toEqual([]);
  });

  test('does not run at once if it missed no run', async () => {
    await writeRecord(Date.now());
    start();
    timer?.runNow();
    await vi.waitFor(() => expect(runs).toHaveLength(1));
    expect(runs[0]).toMatchObject({ IsPastDue: false });
  });
});
