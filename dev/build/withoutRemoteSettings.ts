import type { Plugin } from 'esbuild';

/**
 * Gives the esbuild plugin that keeps Azure Monitor's exporter from asking Microsoft every hour which of its features to turn on:
 * it has no option for that, an answer could turn on what we turned off, and an instance in a closed network would knock in vain.
 * A test counts whom the bundle talks to, should the exporter move this elsewhere.
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
