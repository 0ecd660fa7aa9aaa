/**
 * What the prolog leaves on a node: which agent it has started there, and whose. By this the epilog finds what it is to end, and
 * the job's own commands find the cluster.
 */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { ParsedSettings } from '../config/read-back.ts';
import { errnoOf } from '../errors.ts';
import { removeEmptyParents } from '../files/empty-parents.ts';
import { ensurePrivateDirectory } from '../files/private-directory.ts';
import { readPrivateFile, writePrivateFile } from '../files/private-file.ts';
import { verifyPrivateDirectory } from '../files/safe-path.ts';
import { TEMPORARY_DIRECTORIES, temporaryDirectory } from '../files/temporary.ts';
import { userNodeDirectory } from '../job/layout.ts';
import { Allocation } from '../scheduler/allocation.ts';

export const Presence = z.object({
  version: z.literal(1),
  /** The agent's pid; 0: it has not been started yet. */
  pid: z.number().int().nonnegative(),
  /** When it was started, proc_pid_stat(5): a pid is used again. */
  start: z.string().optional(),
  node: z.string(),
  /** Of the broker, in Flux: several may be on one host. */
  rank: z.string().optional(),
  jobDir: z.string(),
  allocation: Allocation,
  settings: ParsedSettings,
});
export type Presence = z.infer<typeof Presence>;

// Beside the nodes' directories: no host can have this name.
const DIRECTORY = '.prolog';

/** Where the agent of `node` is written down, and what it says on its own. Never below --node-dir: who looks does not know that. */
export function presencePaths(jobId: string, node: string) {
  const directory = join(userNodeDirectory(temporaryDirectory()), jobId, DIRECTORY);
  return { directory, file: join(directory, `${node}.json`), output: join(directory, `${node}.output`) };
}

export async function writePresence(presence: Presence): Promise<string> {
  const { directory, file } = presencePaths(presence.allocation.jobId, presence.node);
  await ensurePrivateDirectory(directory);
  await writePrivateFile(file, `${JSON.stringify(presence)}\n`);
  return file;
}

/** Undefined where there is none, or it is not one. @throws UnetError UNET_UNSAFE_PATH when another user could have written it. */
export async function readPresence(file: string): Promise<Presence | undefined> {
  try {
    return Presence.safeParse(JSON.parse(await readPrivateFile(file))).data;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || error instanceof SyntaxError) {
      return undefined;
    }
    throw error;
  }
}

/** All of the job on this host. Also where TMPDIR does not say: a job often has another than its prolog, which has none. */
export async function presencesOf(jobId: string): Promise<Presence[]> {
  const roots = new Set([temporaryDirectory(), ...TEMPORARY_DIRECTORIES].map(userNodeDirectory));
  const found = await Promise.all([...roots].map((root) => presencesIn(join(root, jobId, DIRECTORY))));
  return found.flat();
}

/** What others could have prepared is not there. */
async function presencesIn(directory: string): Promise<Presence[]> {
  try {
    await verifyPrivateDirectory(directory);
    const files = (await readdir(directory)).filter((name) => name.endsWith('.json'));
    const found = await Promise.all(files.map((name) => readPresence(join(directory, name))));
    return found.filter((presence) => presence !== undefined);
  } catch {
    return [];
  }
}

/** Repeatable. */
export async function removePresence(jobId: string, node: string): Promise<void> {
  const { file, output } = presencePaths(jobId, node);
  await Promise.all([file, output].map((path) => rm(path, { force: true })));
  await removeEmptyParents(file, userNodeDirectory(temporaryDirectory()));
}
