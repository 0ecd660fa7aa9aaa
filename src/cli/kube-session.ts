/** What the commands of `unet kube` have in common: flags, jobspec, connection. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { text as readText } from 'node:stream/consumers';
import type { Options } from 'yargs';
import { errnoOf, UnetError } from '../errors.ts';
import { Cluster } from '../kube-jobs/api/cluster.ts';
import { ApiError, connect } from '../kube-jobs/api/connection.ts';
import type { Session } from '../kube-jobs/jobs/prepare.ts';
import { type JobRequest, readJobspec } from '../kube-jobs/jobspec/jobspec.ts';
import type { CommandContext } from './frame/command.ts';

export type ClusterArgs = { namespace?: string; kubeconfig?: string; context?: string; templates?: string[] };
export type JobspecArgs = { jobspec?: string; string?: string; 'ignore-unknown-parameters': boolean };

export const CLUSTER_FLAGS = {
  namespace: { type: 'string', alias: 'n', describe: 'namespace; default the job’s, else the context’s' },
  templates: {
    type: 'string',
    array: true,
    describe: 'a directory or file with templates, besides those of the cluster [UNET_KUBE_TEMPLATES, A:B]',
  },
  kubeconfig: { type: 'string', describe: 'kubeconfig instead of $KUBECONFIG and ~/.kube/config' },
  context: { type: 'string', describe: 'context of the kubeconfig' },
} as const satisfies Record<string, Options>;

export const JOBSPEC_FLAGS = {
  jobspec: { type: 'string', alias: 'j', describe: 'Flux jobspec file, YAML or JSON; - is standard input' },
  string: { type: 'string', alias: 's', describe: 'Flux jobspec string' },
  'ignore-unknown-parameters': {
    type: 'boolean',
    default: false,
    describe: 'overrides that the template has no parameter for are left out',
  },
} as const satisfies Record<string, Options>;

export function sessionOf({
  args,
  env,
  cwd,
}: Pick<CommandContext<ClusterArgs>, 'args' | 'env' | 'cwd'>): Session {
  let cluster: Cluster | undefined;
  const named = (env.UNET_KUBE_TEMPLATES ?? '').split(':').filter((path) => path !== '');
  const kubeconfig = args.kubeconfig === undefined ? undefined : resolve(cwd, args.kubeconfig);
  return {
    cluster: () => {
      cluster ??= new Cluster(connect({ kubeconfig, context: args.context, env }));
      return cluster;
    },
    paths: [...(args.templates ?? []), ...named],
    namespace: args.namespace,
    env,
    cwd,
  };
}

/** @throws UnetError UNET_USAGE unless exactly one of -j and -s is given; UNET_JOBSPEC_INVALID */
export async function requestOf(args: JobspecArgs, cwd: string): Promise<JobRequest> {
  if ((args.jobspec === undefined) === (args.string === undefined)) {
    throw new UnetError('UNET_USAGE', 'a jobspec is needed: either -j FILE or -s STRING');
  }
  const request =
    args.jobspec === undefined
      ? readJobspec(args.string ?? '', 'the string')
      : readJobspec(await textOf(args.jobspec, cwd), args.jobspec === '-' ? 'standard input' : args.jobspec);
  return { ...request, ignoreUnknown: request.ignoreUnknown || args['ignore-unknown-parameters'] };
}

/** Puts what the API server has refused in unet's terms. */
export async function inCluster<T>(use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } catch (error) {
    if (error instanceof ApiError) {
      throw new UnetError('UNET_KUBE_REFUSED', error.message, {
        cause: error,
        ...(error.status === 403 ? { remedy: 'ask for that right, or use another namespace with -n' } : {}),
      });
    }
    throw error;
  }
}

async function textOf(path: string, cwd: string): Promise<string> {
  if (path === '-') {
    return await readText(process.stdin);
  }
  return await readFile(resolve(cwd, path), 'utf8').catch((error: unknown) => {
    throw new UnetError('UNET_USAGE', `${path} cannot be read: ${errnoOf(error)}`);
  });
}
