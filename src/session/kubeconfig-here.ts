/** A kubeconfig that this host can read. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { UnetError } from '../errors.ts';
import { writePrivateFile } from '../files/private-file.ts';
import { verifyPrivateDirectory } from '../files/safe-path.ts';
import type { JobState } from '../job/state.ts';
import type { FoundState } from '../launch/find-state.ts';
import { kubeconfigCopy } from '../node/kubeconfig-copy.ts';
import { describeEnd, lastLines, run } from '../process/run.ts';
import { openAllocation } from '../scheduler/registry.ts';
import type { Job } from './job.ts';

const TIMEOUT_MS = 30_000;

/**
 * The state with the path of a kubeconfig that can be read here. Where the job directory is not shared, the lead is asked
 * for its copy by a command of the scheduler, over the scheduler's own connections, and its output is written (0600) into this node's own
 * directory (0700), which its agent removes at the teardown. Nothing of it gets into the scheduler's record, which keeps what was removed.
 *
 * @throws UnetError UNET_NO_CLUSTER on a host that is no node of the cluster.
 */
export async function withKubeconfigHere(job: Job, { state, from }: FoundState): Promise<JobState> {
  if (from === 'file' || state.kubeconfig === undefined) {
    return state;
  }
  const { self } = job.allocation;
  const own = copyOn(self, state);
  // Not made if it is not there: then there is no agent that would remove it.
  if (own === undefined || !(await isPrivate(own))) {
    const nodes = state.nodes.map(({ name }) => name).join(' ');
    throw new UnetError(
      'UNET_NO_CLUSTER',
      `${self ?? 'this host'} is no node of the cluster ${state.jobId}, and does not see its job directory, where the kubeconfig is`,
      {
        remedy: `"unet kubectl" works from here in Flux; or use one of its nodes (${nodes}), or name a shared --job-dir when you bring it up`,
      },
    );
  }
  if (!existsSync(own.file)) {
    await writePrivateFile(own.file, await fetchFromLead(job, state));
  }
  return { ...state, kubeconfig: own.file };
}

function copyOn(node: string | undefined, state: JobState): { directory: string; file: string } | undefined {
  const nodeDir = state.nodes.find(({ name }) => name === node)?.nodeDir;
  if (node === undefined || nodeDir === undefined) {
    return undefined;
  }
  const directory = join(nodeDir, state.jobId, node);
  return { directory, file: kubeconfigCopy(directory) };
}

async function isPrivate({ directory }: { directory: string }): Promise<boolean> {
  return existsSync(directory) && (await verifyPrivateDirectory(directory).then(() => true));
}

async function fetchFromLead({ allocation, env }: Job, state: JobState): Promise<string> {
  const copy = copyOn(state.lead, state)?.file ?? '';
  const scheduler = openAllocation(allocation, env);
  const argv = scheduler.command(state.lead, ['cat', copy]);
  const options = { env: scheduler.environment(), timeoutMs: TIMEOUT_MS };
  const result = argv === undefined ? undefined : await run(argv, options);
  if (result?.exitCode !== 0 || result.stdout === '') {
    const how =
      result === undefined
        ? 'the scheduler runs no commands there from here'
        : `${result.argv[0]} ${describeEnd(result, TIMEOUT_MS)}`;
    throw new UnetError(
      'UNET_NO_CLUSTER',
      `the kubeconfig could not be read on the lead, ${state.lead}: ${how}`,
      {
        node: state.lead,
        tail: lastLines(result?.stderr ?? ''),
        remedy:
          result === undefined
            ? `type it on ${state.lead}, or use "unet kubectl" there`
            : 'is the cluster still up? See "unet status"',
      },
    );
  }
  return result.stdout;
}
