import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

// Deadlines of tests are multiplied by this: for a machine under load.
const scale = Number(process.env.UNET_TEST_TIME_SCALE ?? 1);

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Longer than what `until` waits, which says what it waited for.
    testTimeout: 120_000 * scale,
    hookTimeout: 120_000 * scale,
    // Of expect.poll, which waits for one second otherwise.
    expect: { poll: { timeout: 20_000 * scale } },
    // On a machine that is shared with others a scenario may meet a moment in which nothing runs. It is shown as retried.
    retry: process.env.CI === 'true' ? 1 : 0,
    pool: 'forks',
    // Most of the time a test waits for processes.
    maxWorkers: Math.max(2, availableParallelism() - 1),
  },
});
