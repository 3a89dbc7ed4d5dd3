import { defineConfig } from 'vitest/config';
import { browserTextInTests } from './dev/build/browserText.ts';
import { CountReporter } from './test/support/countReporter.ts';

export default defineConfig({
  plugins: [browserTextInTests()],
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 60_000,
    reporters: ['default', new CountReporter()],
  },
});
