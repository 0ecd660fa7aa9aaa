import { describe, expect, it, vi } from 'vitest';
import { cacheDirectory } from '../../src/cache/layout.ts';
import { findProjectFile, readUserFile } from '../../src/config/files.ts';
import { homeOf } from '../../src/files/home.ts';
import { jobsDirectory } from '../../src/job/layout.ts';
import { scratch } from '../process/scratch.ts';

// Of a user id without a passwd entry, as os.homedir() says it.
vi.mock('node:os', async (original) => ({
  ...(await original<typeof import('node:os')>()),
  homedir: () => {
    throw Object.assign(new Error('A system error occurred: uv_os_homedir returned ENOENT'), {
      code: 'ERR_SYSTEM_ERROR',
    });
  },
}));

describe('without HOME and a passwd entry', () => {
  it.each([
    ['the job directory', () => jobsDirectory(undefined, {}), '--job-dir'],
    ['the cache', () => cacheDirectory(undefined, {}), '--cache'],
  ])('%s is refused with exit 3, naming the flag', (_, look, flag) => {
    expect(look).toThrow(
      expect.objectContaining({
        code: 'UNET_DIR_UNWRITABLE',
        exitCode: 3,
        details: expect.objectContaining({ remedy: expect.stringContaining(flag) }),
      }),
    );
  });

  it('everything that was named is where it was named', async () => {
    expect(homeOf({ HOME: '' })).toBeUndefined();
    expect(homeOf({ HOME: '/home/me' })).toBe('/home/me');
    expect(jobsDirectory('/scratch', {})).toBe('/scratch');
    expect(jobsDirectory(undefined, { XDG_STATE_HOME: '/state' })).toBe('/state/unet/jobs');
    expect(cacheDirectory(undefined, { XDG_CACHE_HOME: '/cache' })).toBe('/cache/unet');
  });

  it('no configuration file of the user is read', async () => {
    expect(await readUserFile({})).toBeUndefined();
    expect(await findProjectFile(scratch(), undefined)).toBeUndefined();
  });
});
