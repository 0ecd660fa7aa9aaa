import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { temporaryDirectory } from '../../src/files/temporary.ts';
import { chooseNodeDirectory } from '../../src/job/node-directory.ts';
import { scratch } from '../process/scratch.ts';
import { Cluster } from './cluster.ts';

const unmounted: string[] = [];

/** A filesystem of its own for `directory`; false where this process may not mount. */
function mount(directory: string, options: string): boolean {
  mkdirSync(directory, { mode: 0o700, recursive: true });
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `${options},mode=700`, 'tmpfs', directory], {
      stdio: 'ignore',
    });
  } catch {
    return false;
  }
  unmounted.push(directory);
  return true;
}

afterEach(() => {
  for (const directory of unmounted.splice(0)) {
    execFileSync('umount', ['--lazy', directory]);
  }
});

describe('a cluster', () => {
  it('comes up where TMPDIR is not there, and PATH is not set', async () => {
    const cluster = new Cluster({ PATH: undefined });
    cluster.env.TMPDIR = join(cluster.directory, 'not-there');
    const run = await cluster.unet('run', '--', 'sh', '-c', 'echo "ready: $UNET_JOB_NODES"');
    expect(run.code, run.stderr).toBe(0);
    expect(run.stdout).toContain('ready: node-0 node-1');
    await cluster.quiet();
    expect(cluster.left()).toEqual([]);
    expect(existsSync(cluster.env.TMPDIR)).toBe(false);
  });

  it('is not begun where the disk of the job directory is full, and says so with its code', async (context) => {
    const cluster = new Cluster();
    const jobs = join(cluster.directory, 'full');
    context.skip(!mount(jobs, 'size=8k'), 'no mount here');
    cluster.env.UNET_JOB_DIR = jobs;
    execFileSync('sh', ['-c', `head -c 100k /dev/zero > ${jobs}/full || :`], { stdio: 'ignore' });
    const up = await cluster.unet('up');
    expect(up.stderr).toMatch(/UNET_DISK_FULL.*no space left/);
    expect(up.stderr).toContain('--job-dir');
    expect(up.stderr).not.toContain('UNET_SUPERVISOR');
    expect(up.code).toBe(1);
    await cluster.quiet();
    expect(cluster.left()).toEqual([]);
  });

  it('whose supervisor finds an unsafe directory is refused with exit 3, and leaves nothing', async () => {
    const cluster = new Cluster();
    const own = join(cluster.env.TMPDIR ?? '', `unet-${process.getuid?.()}`);
    mkdirSync(own);
    chmodSync(own, 0o777);
    const up = await cluster.unet('up');
    expect(up.stderr).toContain('UNET_UNSAFE_PATH');
    expect(up.code).toBe(3);
    await cluster.quiet();
    expect(cluster.left()).toEqual([`tmp/unet-${process.getuid?.()}`]);
  });

  it('comes up although another process has the name that its lock had', async () => {
    const cluster = new Cluster();
    const squatter = createServer();
    onTestFinished(() => void squatter.close());
    squatter.listen({ path: `\0unet-supervisor-${process.getuid?.()}-local-${cluster.name}` });
    const up = await cluster.unet('up');
    expect(up.code, up.stderr).toBe(0);
    await cluster.unet('down');
    await cluster.quiet();
    expect(cluster.left()).toEqual([]);
  });
});

describe('the node-local directory', () => {
  it('passes over a filesystem on which no program can be run, and is refused where there is no other', async (context) => {
    const directory = scratch();
    const noexec = join(directory, 'noexec');
    context.skip(!mount(noexec, 'noexec,size=64m'), 'no mount here');
    expect(await chooseNodeDirectory([noexec, directory], { shared: false })).toMatch(directory);
    await expect(chooseNodeDirectory([noexec], { shared: false })).rejects.toMatchObject({
      code: 'UNET_DIR_NOEXEC',
      exitCode: 3,
      message: expect.stringContaining(`${noexec} is mounted noexec`),
    });
  });
});

describe('the place for small files', () => {
  it('is TMPDIR where that can be written, else /tmp', async () => {
    const directory = scratch();
    expect(temporaryDirectory({ TMPDIR: directory })).toBe(directory);
    writeFileSync(join(directory, 'file'), '');
    for (const bad of [join(directory, 'not-there'), join(directory, 'file'), '', 'relative']) {
      expect(temporaryDirectory({ TMPDIR: bad })).toBe('/tmp');
    }
  });
});
