/** The job's state on disk: written atomically by the supervisor, readable by any version of unet and by scripts. */
import { readFile } from 'node:fs/promises';
import * as z from 'zod';
import { errnoOf } from '../errors.ts';
import { pathError } from '../files/path-error.ts';

const Text = z.string();

const Ports = z.looseObject({
  etcd: z.number(),
  kubelet: z.number(),
  flannel: z.number(),
  apiServer: z.number(),
});

/** Loose on purpose: a field that a later version adds is kept out of the way, a value it adds is shown as it is. */
export const JobState = z.looseObject({
  version: z.number(),
  unet: Text,
  jobId: Text,
  /** The cluster's, by --name. */
  name: Text.optional(),
  epoch: z.number(),
  allocation: z.looseObject({ kind: Text, schedulerJobId: Text.optional(), endsAt: z.number().optional() }),
  release: Text,
  lead: Text,
  phase: Text,
  /** ISO 8601. */
  since: Text,
  /** On the supervisor's host. */
  jobDir: Text.optional(),
  supervisor: z.looseObject({
    /** For a person: several hosts may have the same name. */
    host: Text,
    /** Random, one for each supervisor. */
    id: Text.optional(),
    /** Its name in the allocation, if it is on a node of it. */
    node: Text.optional(),
    pid: z.number(),
    /** When the process was started, proc_pid_stat(5): a pid is used again. */
    start: Text.optional(),
    /** Of the machine, and of the process namespace, in which that is its pid. */
    boot: Text.optional(),
    namespace: Text.optional(),
    socket: Text,
    /** ISO 8601, renewed. */ alive: Text,
  }),
  kubeconfig: Text.optional(),
  apiServer: z.looseObject({ address: Text, port: z.number() }).optional(),
  /** The lead's. */
  ports: Ports.optional(),
  nodes: z.array(
    z.looseObject({
      name: Text,
      role: Text,
      phase: Text,
      message: Text.optional(),
      nodeName: Text.optional(),
      host: Text.optional(),
      /** The boot id of its machine. */
      boot: Text.optional(),
      address: Text.optional(),
      /** The node-local directory, for cleaning. */
      nodeDir: Text.optional(),
      step: Text.optional(),
      ports: Ports.optional(),
    }),
  ),
  error: z.looseObject({ code: Text, message: Text }).optional(),
  /** Why it has stopped. */
  message: Text.optional(),
});
export type JobState = z.infer<typeof JobState>;

export const STATE_VERSION = 1;

/** The state in `path`; undefined when there is none or it is not one. */
export async function readState(path: string): Promise<JobState | undefined> {
  try {
    return await read(path);
  } catch (error) {
    // It was replaced on the server while it was read.
    if (errnoOf(error) === 'ESTALE' || (error instanceof Error && errnoOf(error.cause) === 'ESTALE')) {
      return await read(path);
    }
    throw error;
  }
}

async function read(path: string): Promise<JobState | undefined> {
  try {
    const parsed = JobState.safeParse(JSON.parse(await readFile(path, 'utf8')));
    return parsed.success ? parsed.data : undefined;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || error instanceof SyntaxError) {
      return undefined;
    }
    throw pathError(error, 'read', path);
  }
}
