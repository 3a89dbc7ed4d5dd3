import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { browserTextInTests } from './dev/build/browserText.ts';
import { CountReporter } from './test/support/countReporter.ts';

/** The suites that take longest, most of it waiting for processes. */
const SLOW =
  /test\/(?:e2e|cli|dev\/start|infra\/bicep|web\/pages\/\w+(?:Script|InBrowser)|provisioning\/interleaving|telemetry\/\w*[tT]race\.)/;

/** Starts the slow suites first, so that none of them runs alone at the end. */
class SlowFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isSlow = ({ moduleId }: TestSpecification): boolean => SLOW.test(moduleId);
    return [...sorted.filter(isSlow), ...sorted.filter((file) => !isSlow(file))];
  }
}

/** Tests of rules and of single rooms. They leave nothing behind, so they share a process and load the modules once. */
const ROOMS = [
  'config',
  'docs',
  'groups',
  'health',
  'home',
  'litellm',
  'model',
  'provisioning',
  'queue',
  'session',
  'signIn',
  'storage',
  'triggers',
];
const inRooms = ROOMS.map((room) => `test/${room}/**/*.test.ts`);
/** Replaces a module, so it runs alone. */
const ALONE = 'test/provisioning/filesEntered.test.ts';

export default defineConfig({
  plugins: [browserTextInTests()],
  test: {
    projects: [
      { extends: true, test: { name: 'rooms', include: inRooms, exclude: [ALONE], isolate: false } },
      {
        extends: true,
        test: {
          name: 'whole',
          include: ['test/**/*.test.ts'],
          exclude: inRooms,
          globalSetup: 'test/support/runFolder.ts',
        },
      },
      { extends: true, test: { name: 'alone', include: [ALONE] } },
    ],
    pool: 'forks',
    // One more than the cores of the smallest machine that runs this: the slow suites mostly wait.
    maxWorkers: 3,
    sequence: { sequencer: SlowFirst },
    testTimeout: 120_000,
    hookTimeout: 60_000,
    reporters: ['default', new CountReporter()],
  },
});
