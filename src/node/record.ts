/**
 * What an agent writes down about what it is going to make, before it makes it: enough for another agent to take it
 * away when this one was killed.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { errnoOf } from '../errors.ts';
import { readPrivateFile, writePrivateFile } from '../files/private-file.ts';

export const NodeRecord = z.object({
  version: z.literal(1),
  jobId: z.string(),
  node: z.string(),
  /** The job directory: two clusters of this machine alone may have the same name. */
  jobDir: z.string().optional(),
  /** The agent's pid: one that still lives is not to be cleaned behind its back. */
  pid: z.number(),
  /** When that process was started: a pid is used again. */
  start: z.string().optional(),
  /** The staged release. */
  stage: z.string(),
  /** Whether `make up` was ever started. */
  up: z.boolean(),
  /** The make variables of this node. */
  variables: z.record(z.string(), z.string()),
  /** What podman has of this job's own beside containers: see src/engine/storage.ts. */
  storage: z.object({ graph: z.string().optional(), runtime: z.string().optional() }).optional(),
  /** The engine that has this node's container; unknown until it is found. */
  engine: z.object({ type: z.string(), command: z.array(z.string()) }).optional(),
});
export type NodeRecord = z.infer<typeof NodeRecord>;

const FILE = 'node.json';

export async function writeNodeRecord(directory: string, record: NodeRecord): Promise<void> {
  await writePrivateFile(join(directory, FILE), `${JSON.stringify(record, null, 2)}\n`);
}

/**
 * Undefined where there is none, and for what cannot be read as one: `reconstructRecord` helps then.
 *
 * @throws UnetError UNET_UNSAFE_PATH when somebody else could have written it.
 */
export async function readNodeRecord(directory: string): Promise<NodeRecord | undefined> {
  try {
    const parsed = NodeRecord.safeParse(JSON.parse(await readPrivateFile(join(directory, FILE))));
    return parsed.success ? parsed.data : undefined;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || error instanceof SyntaxError) {
      return undefined;
    }
    throw error;
  }
}

/** Names of the nodes that have a directory in a job's node-local directory. */
export async function recordedNodes(jobNodeDirectory: string): Promise<string[]> {
  try {
    const entries = await readdir(jobNodeDirectory, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
      .map((entry) => entry.name);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') {
      return [];
    }
    throw error;
  }
}
