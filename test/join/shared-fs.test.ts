import { getEventListeners } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, rename, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from 'esbuild';
import { execa } from 'execa';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { UnetError } from '../../src/errors.ts';
import { writePrivateFile } from '../../src/files/private-file.ts';
import { toWire } from '../../src/join/record.ts';
import { createSharedFsTransport } from '../../src/join/shared-fs.ts';
import { isRoot, place, USER } from '../files/place.ts';
import { TIME_SCALE } from '../process/scratch.ts';
import { EXPECT, goodRecord, TOKEN } from './records.ts';

const never = new AbortController().signal;
// So long that what comes sooner was not seen by the timer.
const NO_POLLING = 600_000;

/** A lead and a worker that share a directory. */
async function shared({ pollMs = 20 } = {}) {
  const jobDir = await place();
  const refused: UnetError[] = [];
  const worker = createSharedFsTransport({
    jobDir,
    expect: EXPECT,
    pollMs,
    onRefused: (error) => refused.push(error),
  });
  const lead = createSharedFsTransport({ jobDir, expect: EXPECT });
  const file = join(jobDir, 'join', 'record.json');
  /** Waits as a worker does, until the test ends. */
  const watch = () => {
    const controller = new AbortController();
    onTestFinished(() => controller.abort());
    return worker.watch(controller.signal);
  };
  /** Puts a file there as the lead would, whatever is in it. */
  const plant = async (text: string) => {
    await mkdir(join(jobDir, 'join'), { recursive: true, mode: 0o700 });
    await writePrivateFile(file, text);
  };
  return { jobDir, file, lead, worker, refused, watch, plant };
}

describe('a join record on a shared filesystem', () => {
  test('reaches a worker that was there before the directory, and one that comes later', async () => {
    const { lead, worker, watch } = await shared();
    const early = watch();
    await lead.publish(goodRecord(), never);
    expect((await early).token.reveal()).toBe(TOKEN);
    expect((await worker.watch(never)).apiServer.address).toBe('10.77.0.10');
  });

  test('is for the user’s eyes only', async () => {
    const { jobDir, file, lead } = await shared();
    await lead.publish(goodRecord(), never);
    expect((await stat(join(jobDir, 'join'))).mode & 0o777).toBe(0o700);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readdir(join(jobDir, 'join'))).toEqual(['record.json']);
  });

  test('is noticed at once where the filesystem tells of changes', async () => {
    const { jobDir, lead, watch } = await shared({ pollMs: NO_POLLING });
    await mkdir(join(jobDir, 'join'), { mode: 0o700 });
    const handles = inotifyHandles();
    const waiting = watch();
    await vi.waitFor(() => expect(inotifyHandles()).toBeGreaterThan(handles), 10_000 * TIME_SCALE);
    await lead.publish(goodRecord(), never);
    expect((await waiting).epoch).toBe(2);
  });

  test('that replaces a stale one is noticed at once, too', async () => {
    const { file, lead, watch, plant, refused } = await shared({ pollMs: NO_POLLING });
    await plant(JSON.stringify(toWire(goodRecord({ epoch: 1 }))));
    const handles = inotifyHandles();
    const waiting = watch();
    await vi.waitFor(() => expect(refused).toHaveLength(1), 10_000 * TIME_SCALE);
    await vi.waitFor(() => expect(inotifyHandles()).toBeGreaterThan(handles), 10_000 * TIME_SCALE);
    await lead.publish(goodRecord(), never);
    expect((await waiting).epoch).toBe(2);
    expect(await readFile(file, 'utf8')).toContain('"epoch":2');
  });

  test('takes two inotify handles at most, however full the directory is', async () => {
    const { jobDir, watch, plant } = await shared({ pollMs: NO_POLLING });
    await plant('garbage');
    await Promise.all(
      Array.from({ length: 50 }, (_, i) => writeFile(join(jobDir, 'join', `other-${i}`), '')),
    );
    await mkdir(join(jobDir, 'join', 'deep'));
    const before = inotifyHandles();
    void watch().catch(() => {});
    await vi.waitFor(() => expect(inotifyHandles()).toBe(before + 2), 10_000 * TIME_SCALE);
    await writeFile(join(jobDir, 'join', 'one-more'), '');
    expect(inotifyHandles()).toBe(before + 2);
  });

  test.each([
    ['of an earlier epoch', goodRecord({ epoch: 1 }), 'number 1 (awaited: 2 or later)'],
    ['of another job', goodRecord({ jobId: 'slurm-41' }), 'of another job, slurm-41'],
  ])('%s is refused once, and the fresh one is taken', async (_, stale, reason) => {
    const { lead, watch, plant, refused } = await shared();
    await plant(JSON.stringify(toWire(stale)));
    const waiting = watch();
    await vi.waitFor(() => expect(refused).toHaveLength(1), 10_000 * TIME_SCALE);
    await lead.publish(goodRecord(), never);
    await waiting;
    expect(refused.map(({ code, message }) => [code, message])).toEqual([
      ['UNET_JOIN_RECORD_STALE', expect.stringContaining(reason)],
    ]);
  });

  test('that is stale is reported once, not again with each look', async () => {
    const { watch, plant, refused } = await shared();
    await plant(JSON.stringify(toWire(goodRecord({ epoch: 1 }))));
    void watch().catch(() => {});
    await vi.waitFor(() => expect(refused).toHaveLength(1), 10_000 * TIME_SCALE);
    await sleep(150); // several looks; for what does not happen there is no event to wait for
    expect(refused).toHaveLength(1);
  });

  test.each([
    ['half written', JSON.stringify(toWire(goodRecord())).slice(0, 100)],
    ['empty', ''],
    ['garbage', '\0\0\0'],
    ['far too long', 'x'.repeat(1_000_000)],
  ])('that is %s is passed over, without its text in the report', async (_, text) => {
    const { lead, watch, plant, refused } = await shared();
    await plant(text);
    const waiting = watch();
    await vi.waitFor(() => expect(refused).toHaveLength(1), 10_000 * TIME_SCALE);
    await lead.publish(goodRecord(), never);
    expect((await waiting).epoch).toBe(2);
    expect(JSON.stringify(refused.map((error) => error.toRecord()))).not.toContain('xb2dq6');
  });

  test('that is a symbolic link, or open to others, is not read', async () => {
    const { jobDir, file, lead, watch, refused } = await shared();
    await mkdir(join(jobDir, 'join'), { mode: 0o700 });
    await writePrivateFile(join(jobDir, 'elsewhere'), JSON.stringify(toWire(goodRecord({ epoch: 9 }))));
    await symlink('../elsewhere', file);
    const waiting = watch();
    await vi.waitFor(() => expect(refused).toHaveLength(1), 10_000 * TIME_SCALE);
    await writeFile(`${file}.new`, JSON.stringify(toWire(goodRecord({ epoch: 8 }))));
    await chmod(`${file}.new`, 0o644);
    await rename(`${file}.new`, file);
    await vi.waitFor(() => expect(refused).toHaveLength(2), 10_000 * TIME_SCALE);
    await lead.publish(goodRecord(), never);
    expect((await waiting).epoch).toBe(2);
    expect(refused.map(({ code }) => code)).toEqual(['UNET_UNSAFE_PATH', 'UNET_UNSAFE_PATH']);
    expect(refused[0]?.message).toContain('is a symbolic link');
    expect(refused[1]?.message).toContain('has mode 0644');
  });

  test('in a directory that others could change is not read', async () => {
    const { jobDir, watch, plant, refused } = await shared();
    await plant(JSON.stringify(toWire(goodRecord())));
    await chmod(join(jobDir, 'join'), 0o755);
    const waiting = watch();
    await vi.waitFor(() => expect(refused[0]?.message).toContain('has mode 0755'), 10_000 * TIME_SCALE);
    await chmod(join(jobDir, 'join'), 0o700);
    expect((await waiting).epoch).toBe(2);
  });

  test('is gone after it was withdrawn, however often', async () => {
    const { jobDir, lead } = await shared();
    await lead.publish(goodRecord(), never);
    await lead.withdraw();
    await lead.withdraw();
    expect(await readdir(jobDir)).toEqual([]);
  });

  test('of a later bring-up is left where it is', async () => {
    const { file, lead, plant } = await shared();
    await plant(JSON.stringify(toWire(goodRecord({ epoch: 3 }))));
    await lead.withdraw();
    expect(await readFile(file, 'utf8')).toContain('"epoch":3');
  });

  test('leaves no watcher, timer or listener behind, whether it came or was given up', async () => {
    const { jobDir, lead, worker } = await shared({ pollMs: NO_POLLING });
    await mkdir(join(jobDir, 'join'), { mode: 0o700 });
    const handles = inotifyHandles();
    for (const end of ['came', 'given up']) {
      const controller = new AbortController();
      const waiting = worker.watch(controller.signal);
      await vi.waitFor(() => expect(inotifyHandles()).toBeGreaterThan(handles), 10_000 * TIME_SCALE);
      const timers = countTimers();
      if (end === 'came') {
        await lead.publish(goodRecord(), never);
        await waiting;
        await lead.withdraw();
        await mkdir(join(jobDir, 'join'), { mode: 0o700 });
      } else {
        controller.abort(new Error('enough'));
        await expect(waiting).rejects.toThrow('enough');
      }
      expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
      await vi.waitFor(() => expect(inotifyHandles()).toBe(handles), 10_000 * TIME_SCALE);
      // Not vi.waitFor, which has timers of its own.
      while (countTimers() >= timers) {
        await sleep(10);
      }
    }
  });

  test('comes by the timer alone where inotify instances are used up', async ({ skip }) => {
    if (!isRoot) {
      skip('in a user’s own namespace root’s directories look like a stranger’s, and are refused');
    }
    const none = [
      'unshare',
      '-Ur',
      'sh',
      '-c',
      'echo 0 > /proc/sys/user/max_inotify_instances && exec "$@"',
      'sh',
    ];
    const possible = await execa({ reject: false })`${[...none, 'true']}`;
    if (possible.exitCode !== 0) {
      skip('user namespaces are not permitted here');
    }
    const { jobDir, lead } = await shared();
    await mkdir(join(jobDir, 'join'), { mode: 0o700 });
    const watcher = execa({ buffer: false })`${[...none, ...(await watcherProcess(jobDir))]}`;
    onTestFinished(() => void watcher.kill());
    const lines = watcher.iterable();
    expect(await nextLine(lines)).toBe('EMFILE');
    await lead.publish(goodRecord(), never);
    expect(await nextLine(lines)).toBe('epoch 2');
    await watcher;
  });

  test.runIf(isRoot)('that an ordinary user published is read by that user', async () => {
    const jobDir = await place(USER);
    const user = { uid: USER, gid: USER };
    const [node = '', ...args] = await watcherProcess(jobDir, 'publish');
    await execa(node, args, user);
    const result = await execa(node, [...args.slice(0, -1), 'watch'], user);
    expect(result.stdout).toContain('epoch 2');
    expect((await stat(join(jobDir, 'join', 'record.json'))).uid).toBe(USER);
  });
});

async function nextLine(lines: AsyncIterableIterator<string>): Promise<string | undefined> {
  return (await lines.next()).value;
}

/** argv of a process of its own that watches (after it has said what inotify says) or publishes. */
async function watcherProcess(jobDir: string, action = 'watch'): Promise<string[]> {
  const directory = await place();
  await chmod(directory, 0o755);
  const outfile = join(directory, 'watcher.mjs');
  const source = `
    import { watch } from 'node:fs';
    import { createSharedFsTransport } from './src/join/shared-fs.ts';
    import { parseJoinRecord } from './src/join/record.ts';
    const transport = createSharedFsTransport({ jobDir: ${JSON.stringify(jobDir)}, expect: ${JSON.stringify(EXPECT)}, pollMs: 50 });
    const { signal } = new AbortController();
    if (process.argv[2] === 'publish') {
      await transport.publish(parseJoinRecord(${JSON.stringify(toWire(goodRecord()))}), signal);
    } else {
      try { watch('.').close(); console.log('inotify'); } catch (error) { console.log(error.code); }
      console.log('epoch ' + (await transport.watch(signal)).epoch);
    }`;
  await build({
    stdin: { contents: source, resolveDir: process.cwd(), loader: 'ts' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile,
    logLevel: 'error',
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
  });
  return [process.execPath, outfile, action];
}

/** How many files and directories this process watches, as the kernel counts them (proc(5), fdinfo). */
function inotifyHandles(): number {
  return readdirSync('/proc/self/fdinfo')
    .map((fd) => {
      try {
        return readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8').match(/^inotify wd:/gm)?.length ?? 0;
      } catch {
        return 0; // the descriptor of the listing itself
      }
    })
    .reduce((sum, count) => sum + count, 0);
}

function countTimers(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
}
