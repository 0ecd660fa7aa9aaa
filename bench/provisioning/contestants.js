/** The ways to a release on N nodes. Each prepares what is there before a job, and then provisions. */
import { join } from 'node:path';
import { runProgram, startWorker } from './workers.js';

/** Warm: an earlier job has filled the cache in the shared home. */
export async function cached(run) {
  const { go } = await startWorker({ ...run, log: undefined }, 'lead', leadOptions(run, 'earlier.tar'));
  await go();
  return unet(run, 0);
}

/** Cold: this job is the first one. */
export async function first(run) {
  return unet(run, 1);
}

/** What scripts do: each node has its copy in the home. */
export async function cloneShared(run) {
  return cloning(run, join(run.shared, 'nodes'));
}

/** Each node clones into its own /tmp. */
export async function cloneLocal(run) {
  return cloning(run, join(run.local, 'nodes'));
}

/** The supervisor takes the archive into the job directory, and the agents stage it from there. */
async function unet(run, fetches) {
  const archive = join(run.shared, 'job', 'release.tar');
  const lead = await startWorker(run, 'lead', leadOptions(run, 'release.tar'));
  const nodes = await Promise.all(
    numbers(run).map((index) =>
      startWorker(run, 'node', { archive, destination: join(run.local, `node-${index}`, 'release') }),
    ),
  );
  return {
    fetches,
    provision: async () => {
      const sha256 = await lead.go();
      await Promise.all(nodes.map((node) => node.go(sha256)));
    },
  };
}

function leadOptions({ upstream, shared, local }, name) {
  return {
    release: `${upstream.url}#${upstream.tag}`,
    cache: join(shared, 'cache'),
    destination: join(shared, 'job', name),
    local,
  };
}

function cloning(run, parent) {
  const { url, tag } = run.upstream;
  const clone = (index) => [
    ...['git', '-c', 'advice.detachedHead=false', 'clone', '-q', '--depth', '1', '--branch', tag],
    ...[url, join(parent, `node-${index}`)],
  ];
  return {
    fetches: run.nodes,
    provision: async () => {
      await Promise.all(numbers(run).map((index) => runProgram(run, clone(index))));
    },
  };
}

function numbers({ nodes }) {
  return Array.from({ length: nodes }, (_, index) => index);
}
