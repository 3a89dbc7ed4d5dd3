import type { Plugin } from 'esbuild';

/**
 * Creates the esbuild plugin that stops Azure Monitor's exporter from asking Microsoft every hour which features to enable. The
 * exporter has no option for this. An answer could enable features that this product disabled, and in a closed network every
 * request would fail. If a new version of the exporter moves this code, a test that lists the bundle's connections fails.
 */
export function withoutRemoteSettings(): Plugin {
  return {
    name: 'withoutRemoteSettings',
    setup: (build) => {
      build.onLoad({ filter: /monitor-opentelemetry-exporter[\\/].*[\\/]configurationWorker\.js$/ }, () => ({
        contents: 'export class ConfigurationWorker { shutdown() {} }',
        loader: 'js',
      }));
    },
  };
}
