/** What the commands of `unet kube` have in common: flags, jobspec, connection. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { text as readText } from 'node:stream/consumers';
import type { Options } from 'yargs';
import { type KubernetesConfig, openKubernetes } from '../cluster/index.ts';
import { defaultKubeconfigs } from '../cluster/kubernetes/credentials.ts';
import { errnoOf, UnetError } from '../errors.ts';
import { Cluster } from '../kube-jobs/cluster.ts';
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
      cluster ??= new Cluster(openKubernetes(configuration(kubeconfig, args.context, env), { env }));
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
    throw new UnetError('UNET_USAGE', 'give a jobspec with -j FILE or -s STRING');
  }
  const request =
    args.jobspec === undefined
      ? readJobspec(args.string ?? '', 'the string')
      : readJobspec(await textOf(args.jobspec, cwd), args.jobspec === '-' ? 'standard input' : args.jobspec);
  return { ...request, ignoreUnknown: request.ignoreUnknown || args['ignore-unknown-parameters'] };
}

/** Undefined: the one that is in force. */
function configuration(
  kubeconfig: string | undefined,
  context: string | undefined,
  env: NodeJS.ProcessEnv,
): KubernetesConfig | undefined {
  if (kubeconfig === undefined && context === undefined) {
    return undefined;
  }
  return {
    auth: 'kubeconfig',
    kubeconfig: kubeconfig ?? (env.KUBECONFIG || defaultKubeconfigs(env)[0]),
    context,
  };
}

async function textOf(path: string, cwd: string): Promise<string> {
  if (path === '-') {
    return await readText(process.stdin);
  }
  return await readFile(resolve(cwd, path), 'utf8').catch((error: unknown) => {
    throw new UnetError('UNET_USAGE', `${path} cannot be read: ${errnoOf(error)}`);
  });
}
