/** The two ways to a cluster that are compared: each comes up, says where its kubeconfig is, and goes away. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { timed } from './command.js';
import { scriptPhases, unetPhases } from './phases.js';
import { processesOf } from './processes.js';

const SCRIPT = fileURLToPath(new URL('./straight.sh', import.meta.url));
// A bring-up takes 8 to 20 s.
const UP_TIMEOUT_MS = 90_000;
const DOWN_TIMEOUT_MS = 60_000;

/** `unet rehearse`, as a user types it, with its output in a pipe as in a batch job. */
export function unet({ installation, directory, cache, nodes, delays, rehearsal, signal }) {
  const name = `bench-${process.pid}`;
  const jobs = join(directory, 'jobs');
  const env = {
    ...environment(directory, rehearsal),
    XDG_CACHE_HOME: cache,
    UNET_JOB_DIR: jobs,
    UNET_NODE_DIR: join(directory, 'nodes'),
  };
  const run = (words, timeoutMs, until) =>
    timed(
      [
        process.execPath,
        join(installation, 'bin/unet.js'),
        ...words,
        '--allocation',
        'local',
        '--name',
        name,
      ],
      {
        env,
        cwd: directory,
        timeoutMs,
        signal: until,
      },
    );
  return {
    kubeconfig: join(jobs, `local-${name}`, 'kubeconfig'),
    up: async () => {
      const result = await run(['rehearse', '--nodes', String(nodes)], UP_TIMEOUT_MS, signal);
      const processes = processesOf(directory);
      const log = readFileSync(join(jobs, `local-${name}`, 'logs/supervisor.log'), 'utf8');
      return {
        ...result,
        cpuMs: result.cpuMs + cpuOf(processes),
        processes,
        phases: unetPhases(log, result, delays),
      };
    },
    down: () => run(['down'], DOWN_TIMEOUT_MS, new AbortController().signal),
  };
}

/** straight.sh: the same make targets on as many copies of the same release. */
export function script({ installation, directory, nodes, delays, rehearsal, firstPort, signal }) {
  const env = {
    ...environment(directory, rehearsal),
    RELEASE: join(installation, 'dist/rehearsal'),
    DIRECTORY: join(directory, 'nodes'),
    NODES: String(nodes),
    FIRST_PORT: String(firstPort),
  };
  const run = (word, timeoutMs, until) =>
    timed(['bash', SCRIPT, word], { env, cwd: directory, timeoutMs, signal: until });
  return {
    kubeconfig: join(directory, 'nodes/node-0/kubeconfig'),
    up: async () => {
      const result = await run('up', UP_TIMEOUT_MS, signal);
      const processes = processesOf(directory);
      return { ...result, processes, phases: scriptPhases(result.stdout, result, delays) };
    },
    down: () => run('down', DOWN_TIMEOUT_MS, new AbortController().signal),
  };
}

/** Nothing of the user's configuration, and nothing outside `directory` is written. kubectl caches in its home. */
function environment(directory, rehearsal) {
  const { PATH, LANG } = process.env;
  const temporary = join(directory, 'tmp');
  return {
    PATH,
    ...(LANG === undefined ? {} : { LANG }),
    HOME: join(directory, 'home'),
    TMPDIR: temporary,
    UNET_REHEARSAL: rehearsal,
  };
}

/** Of unet's processes and the steps that they ran. The rehearsed nodes are the same for both, and left out. */
function cpuOf(processes) {
  return processes
    .filter(({ role }) => role === 'agent' || role === 'supervisor')
    .reduce((sum, { ownMs, childrenMs }) => sum + ownMs + childrenMs, 0);
}
