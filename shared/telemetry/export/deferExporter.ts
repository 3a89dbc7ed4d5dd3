import { type ExportResult, ExportResultCode } from '@opentelemetry/core';

/** The part that span and metric exporters share. */
export interface Exporter<Batch> {
  export(batch: Batch, done: (result: ExportResult) => void): void;
  forceFlush?(): Promise<void>;
  shutdown(): Promise<void>;
}

/**
 * Returns an exporter that builds the real one at its first export. If that fails, each export fails, like one that
 * can't send.
 */
export function deferExporter<Batch>(load: () => Promise<Exporter<Batch>>): Required<Exporter<Batch>> {
  let exporter: Exporter<Batch> | undefined;
  const underWay = new Set<Promise<void>>();
  const send = async (batch: Batch, done: (result: ExportResult) => void): Promise<void> => {
    try {
      exporter = await load();
    } catch (error) {
      done({
        code: ExportResultCode.FAILED,
        error: error instanceof Error ? error : new Error(String(error)),
      });
      return;
    }
    await new Promise<void>((resolve) => {
      exporter?.export(batch, (result) => {
        done(result);
        resolve();
      });
    });
  };
  return {
    export: (batch, done) => {
      const sending = send(batch, done).finally(() => underWay.delete(sending));
      underWay.add(sending);
    },
    forceFlush: async () => {
      await Promise.all(underWay);
      await exporter?.forceFlush?.();
    },
    shutdown: async () => exporter?.shutdown(),
  };
}
