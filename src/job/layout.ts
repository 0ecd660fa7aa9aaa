/** Where a job's files are: the job directory, best shared between the nodes, and the node-local one. */
import { isAbsolute, join } from 'node:path';
import { needHome } from '../files/home.ts';
import { temporaryDirectory } from '../files/temporary.ts';
import { ownUid } from '../process/user.ts';

/** The user's parent of all job directories: `--job-dir`, else under XDG_STATE_HOME, else under the home. */
export function jobsDirectory(jobDir: string | undefined, env: NodeJS.ProcessEnv): string {
  if (jobDir !== undefined) {
    return jobDir;
  }
  const given = env.XDG_STATE_HOME ?? '';
  const home = () => needHome(env, 'the job directory', '--job-dir');
  // The specification has relative paths ignored.
  const state = isAbsolute(given) ? given : join(home(), '.local', 'state');
  return join(state, 'unet', 'jobs');
}

export type JobPaths = ReturnType<typeof jobPaths>;

/** Paths within the job directory. */
export function jobPaths(directory: string) {
  return {
    directory,
    state: join(directory, 'state.json'),
    nonce: join(directory, 'nonce'),
    /** Who makes the cluster, until the state says it. */
    claims: join(directory, 'claims'),
    /** Where the join record travels. Made before the agents start, so that they can watch it at once. */
    join: join(directory, 'join'),
    kubeconfig: join(directory, 'kubeconfig'),
    release: join(directory, 'release.tar'),
    /** Programs of an offline pack, for the user's commands. */
    bin: join(directory, 'bin'),
    kubectl: join(directory, 'bin', 'kubectl'),
    logs: join(directory, 'logs'),
    supervisorLog: join(directory, 'logs', 'supervisor.log'),
    /** Written by a `down` that is not on the supervisor's host. */
    downRequest: join(directory, 'down.request'),
  };
}

/** Where the steps of `node` are logged. */
export function nodeLogs(jobDirectory: string, node: string): string {
  return join(jobPaths(jobDirectory).logs, node);
}

/** This user's node-local directory on this host: `PARENT/unet-UID`. */
export function userNodeDirectory(parent: string): string {
  return join(parent, `unet-${ownUid()}`);
}

// sockaddr_un.sun_path (unix(7)) has 108 bytes with its final zero.
const SOCKET_PATH_MAX = 107;

// Beside the nodes' directories: no host can have this name.
const CONTROL = '.control';

/** The directory (0700) and path of the supervisor's socket on its host. */
export function controlSocket(jobId: string): { directory: string; path: string } {
  const directory = join(userNodeDirectory(temporaryDirectory()), jobId, CONTROL);
  const path = join(directory, 'socket');
  if (Buffer.byteLength(path) <= SOCKET_PATH_MAX) {
    return { directory, path };
  }
  const short = join('/tmp', `unet-${ownUid()}`, jobId, CONTROL);
  return { directory: short, path: join(short, 'socket') };
}
