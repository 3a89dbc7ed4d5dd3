import { type ExportResult, ExportResultCode } from '@opentelemetry/core';

/** The part that span and metric exporters share. */
export interface Exporter<Batch> {
  export(batch: Batch, done: (result: ExportResult) => void): void;
  forceFlush?(): Promise<void>;
  shutdown(): Promise<void>;
}

/**
 * Gives an exporter that builds the real one when it first has something to send. One that cannot be built fails each export, as one
 * that cannot send.
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
