import { beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../../shared/model/errors.ts';
import type { SuccessRecorder } from '../../shared/model/heartbeat.ts';
import type { EventLog } from '../../shared/telemetry/events.ts';
import { periodSecondsOf, type Schedule } from '../../shared/triggers/onTimer.ts';
import { provideSuccessRecorder, recordSuccess } from '../../shared/triggers/registeredFunctions.ts';

let lines: string[];
let log: EventLog;

beforeEach(() => {
  lines = [];
  const writeAs =
    (level: string) =>
    (line: unknown): void =>
      void lines.push(`${level} ${String(line)}`);
  log = { invocationId: 'i', info: writeAs('info'), warn: writeAs('warn'), error: writeAs('error') };
});

const record = async ({ recordTimer }: SuccessRecorder): Promise<void> => recordTimer('nightly');

describe('recordSuccess', () => {
  it('never fails a function whose work is done, and says that the record is missing', async () => {
    const recordTimer = async (): Promise<never> =>
      Promise.reject(new AppError('storage_unavailable', 'The table did not answer', { retryable: true }));
    provideSuccessRecorder(() => ({ recordTimer, recordQueueFunction: recordTimer }));
    await recordSuccess(log, record);
    expect(lines).toEqual([
      expect.stringMatching(/^warn .*"event":"heartbeat\.fault".*"code":"storage_unavailable"/),
    ]);
  });

  it('survives settings with which nothing can be built', async () => {
    provideSuccessRecorder(() => {
      throw new Error('no application');
    });
    await recordSuccess(log, record);
    expect(lines).toEqual([expect.stringContaining('"event":"heartbeat.fault"')]);
    expect(lines.join('\n')).not.toContain('no application');
  });

  it('writes no event at a success', async () => {
    const recorded: string[] = [];
    const recordTimer = async (name: string): Promise<void> => void recorded.push(name);
    provideSuccessRecorder(() => ({ recordTimer, recordQueueFunction: recordTimer }));
    await recordSuccess(log, record);
    expect([recorded, lines]).toEqual([['nightly'], []]);
  });
});

describe('periodSecondsOf', () => {
  it.each<[Schedule, number]>([
    ['0 */10 * * * *', 600],
    ['0 */1 * * * *', 60],
    ['0 */45 * * * *', 2700],
    ['0 30 3 * * *', 86_400],
    ['0 0 23 * * *', 86_400],
  ])('of %s is %i', (schedule, seconds) => {
    expect(periodSecondsOf(schedule)).toBe(seconds);
  });
});
