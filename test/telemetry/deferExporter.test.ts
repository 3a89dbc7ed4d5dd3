import { ExportResultCode } from '@opentelemetry/core';
import { describe, expect, it } from 'vitest';
import { deferExporter, type Exporter } from '../../shared/telemetry/export/createExporters.ts';

interface TestExporter extends Exporter<string> {
  readonly batches: string[];
  finish(): void;
}

/** Keeps each batch until the test lets it finish. */
function createExporter(): TestExporter {
  const waiting: (() => void)[] = [];
  const batches: string[] = [];
  return {
    batches,
    export: (batch, done) => {
      batches.push(batch);
      waiting.push(() => done({ code: ExportResultCode.SUCCESS }));
    },
    finish: () => {
      for (const done of waiting.splice(0)) done();
    },
    forceFlush: async () => undefined,
    shutdown: async () => undefined,
  };
}

const settled = async (work: Promise<unknown>): Promise<boolean> =>
  Promise.race([
    work.then(() => true),
    new Promise<boolean>((resolve) => {
      setImmediate(() => resolve(false));
    }),
  ]);

describe('deferExporter', () => {
  it('builds the exporter at the first batch and not before', async () => {
    let loads = 0;
    const exporter = createExporter();
    const deferred = deferExporter(async () => {
      loads += 1;
      return exporter;
    });
    await deferred.forceFlush();
    await deferred.shutdown();
    expect(loads).toBe(0);
    deferred.export('one', () => undefined);
    await expect.poll(() => exporter.batches).toEqual(['one']);
    expect(loads).toBe(1);
  });

  it('flushes when what is under way has been sent, the building included', async () => {
    const exporter = createExporter();
    const built = Promise.withResolvers<TestExporter>();
    const deferred = deferExporter(async () => built.promise);
    const results: number[] = [];
    deferred.export('one', ({ code }) => results.push(code));
    const flushing = deferred.forceFlush();
    expect(await settled(flushing)).toBe(false);
    built.resolve(exporter);
    await expect.poll(() => exporter.batches).toEqual(['one']);
    expect(await settled(flushing)).toBe(false);
    exporter.finish();
    await flushing;
    expect(results).toEqual([ExportResultCode.SUCCESS]);
  });

  it('fails each batch without an exporter, and throws nothing', async () => {
    const deferred = deferExporter<string>(async () => {
      throw new Error('no such module');
    });
    const results: number[] = [];
    deferred.export('one', ({ code }) => results.push(code));
    deferred.export('two', ({ code }) => results.push(code));
    await deferred.forceFlush();
    expect(results).toEqual([ExportResultCode.FAILED, ExportResultCode.FAILED]);
  });
});
