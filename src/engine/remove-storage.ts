/** Removing storage of a job: files of subordinate ids, podman's pause process, and what is mounted there. */
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errnoOf, UnetError } from '../errors.ts';
import { removeEmptyParents } from '../files/empty-parents.ts';
import { exists } from '../files/exists.ts';
import { removeTree } from '../files/remove-tree.ts';
import type { Environment } from '../process/environment.ts';
import { lastLines, run } from '../process/run.ts';

export type RemoveStorageOptions = {
  /** The graph root of the job, if it has one. */
  graph?: string | undefined;
  /** The runtime directory of the job, if it has one. */
  runtime?: string | undefined;
  /** The node's own directory, which has the graph root in it. */
  directory: string;
  /** Words of podman's command. */
  command: readonly string[];
  env: Environment;
  timeoutMs: number;
  onLine: (line: string) => void;
};

const PAUSE_WAIT_MS = 5000;

/**
 * What is left is an ordinary directory of this user, or nothing.
 *
 * @throws UnetError UNET_UNSAFE_PATH, UNET_TEARDOWN_INCOMPLETE.
 */
export async function removeStorage(options: RemoveStorageOptions): Promise<void> {
  const { graph, runtime, directory } = options;
  if (graph !== undefined && (await exists(graph))) {
    if (!graph.startsWith(`${directory}/`)) {
      throw new UnetError('UNET_UNSAFE_PATH', `${graph} is not below ${directory}, so it is not removed`, {
        fatal: true,
      });
    }
    await (process.geteuid?.() === 0 ? unmountBelow(graph, options) : removeSubordinate(graph, options));
  }
  if (runtime === undefined) {
    return;
  }
  await endPause(runtime);
  const parent = dirname(runtime);
  await removeTree(runtime, { beneath: parent });
  await removeEmptyParents(runtime, parent);
}

/** Files of subordinate ids can be removed from inside the user namespace only. */
async function removeSubordinate(
  graph: string,
  { command, env, timeoutMs, onLine }: RemoveStorageOptions,
): Promise<void> {
  const result = await run([...command, 'unshare', 'rm', '-rf', graph], { env, timeoutMs, cwd: '/' });
  // The pause process has the driver's directory mounted: that one stays, empty and ours, until the process is gone.
  for (const line of lastLines(result.stderr, 3)) {
    onLine(line);
  }
}

/** Rootful podman leaves its driver's directory mounted on itself. */
async function unmountBelow(graph: string, { env, timeoutMs }: RemoveStorageOptions): Promise<void> {
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8'))
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((path) => path.startsWith(`${graph}/`));
  // What was mounted last is on top.
  for (const path of mounts.reverse()) {
    await run(['umount', path], { env, timeoutMs });
  }
}

/** podman(1) keeps a process that holds the user namespace; its number is in pause.pid. */
async function endPause(runtime: string): Promise<void> {
  const file = join(runtime, 'libpod', 'tmp', 'pause.pid');
  const pid = Number(await readFile(file, 'utf8').catch(() => ''));
  if (!(pid > 1) || !(await isPause(pid))) {
    return;
  }
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (errnoOf(error) !== 'ESRCH') {
      throw error;
    }
  }
  const deadline = performance.now() + PAUSE_WAIT_MS;
  while ((await isPause(pid)) && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Not another process that has got its number. */
async function isPause(pid: number): Promise<boolean> {
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return /catatonit|podman/.test(command);
}
