/** `unet kube cancel`: exactly the objects that a job has made. */

import { didYouMean } from '../config/suggest.ts';
import { EXIT, UnetError } from '../errors.ts';
import { removeFluxCopy } from '../kube-jobs/flux/copy.ts';
import { digestOf, namespaceOf, type Session } from '../kube-jobs/jobs/prepare.ts';
import { type JobRecord, listRecords } from '../kube-jobs/jobs/record.ts';
import { removeJob } from '../kube-jobs/jobs/remove.ts';
import type { JobRequest } from '../kube-jobs/jobspec/jobspec.ts';
import type { CommandContext, CommandModule } from './frame/command.ts';
import {
  CLUSTER_FLAGS,
  type ClusterArgs,
  JOBSPEC_FLAGS,
  type JobspecArgs,
  requestOf,
  sessionOf,
} from './kube-session.ts';

type Args = ClusterArgs & JobspecArgs & { id?: string; all: boolean };

export const cancel: CommandModule<Args> = {
  command: 'cancel [id]',
  describe: 'delete the objects that a job has created',
  group: 'use',
  example: [
    ['unet kube cancel -j kubejob.yaml', 'the job that submit -j kubejob.yaml has made'],
    ['unet kube cancel nginx-template-x7k2p', 'by the id that submit has printed'],
  ],
  settings: [],
  positionals: { id: { type: 'string', describe: 'the job’s id, instead of a jobspec' } },
  builder: {
    ...JOBSPEC_FLAGS,
    all: { type: 'boolean', default: false, describe: 'all jobs of that jobspec, if there are several' },
    ...CLUSTER_FLAGS,
  },
  async handler(context) {
    const { args, cwd } = context;
    const session = sessionOf(context);
    if (args.id === undefined) {
      return await cancelJob(session, await requestOf(args, cwd), args.all, context);
    }
    if (args.jobspec !== undefined || args.string !== undefined) {
      throw new UnetError('UNET_USAGE', 'give either a job id or a jobspec, not both');
    }
    return await cancelById(session, args.id ?? '', context);
  },
};

/** The job, or with `all` the jobs, that were made of the same template with the same overrides. */
export async function cancelJob(
  session: Session,
  request: JobRequest,
  all: boolean,
  context: Pick<CommandContext, 'signal' | 'say'>,
): Promise<number> {
  const namespace = namespaceOf(session, request);
  const records = await listRecords(session.cluster(), namespace, context.signal);
  const found = records.filter(({ digest }) => digest === digestOf(request));
  if (found.length === 0) {
    const same = records.filter(({ template }) => template === request.template).map(({ id }) => id);
    throw new UnetError(
      'UNET_KUBE_JOB_NOT_FOUND',
      `no job of ${request.template} with these overrides is in ${namespace}`,
      { remedy: same.length === 0 ? undefined : `with others there are ${same.join(', ')}` },
    );
  }
  if (found.length > 1 && !all) {
    throw new UnetError(
      'UNET_KUBE_JOB_NOT_FOUND',
      `${found.length} jobs were made of this: ${found.map(({ id }) => id).join(', ')}`,
      { remedy: 'name one by its id, or all of them with --all' },
    );
  }
  return await remove(session, found, context);
}

async function cancelById(session: Session, id: string, context: CommandContext<Args>): Promise<number> {
  const cluster = session.cluster();
  const namespace = session.namespace ?? cluster.namespace;
  const records = await listRecords(cluster, namespace, context.signal);
  const found = records.find((record) => record.id === id);
  if (found === undefined) {
    const names = records.map((record) => record.id);
    throw new UnetError(
      'UNET_KUBE_JOB_NOT_FOUND',
      `there is no job ${id} in ${namespace}${didYouMean(id, names)}`,
      {
        remedy: '"unet kube jobs" lists them; -n names another namespace',
      },
    );
  }
  return await remove(session, [found], context);
}

async function remove(
  session: Session,
  records: readonly JobRecord[],
  { say, signal }: Pick<CommandContext, 'signal' | 'say'>,
): Promise<number> {
  let left = 0;
  for (const record of records) {
    const { remaining } = await removeJob(session.cluster(), record, {
      onObject: ({ what, kind, name }) =>
        say(`${what === 'remaining' ? 'still going:' : what} ${kind} ${name}`),
      signal,
    });
    await removeFluxCopy(record, session.env);
    left += remaining.length;
  }
  return left === 0 ? EXIT.done : EXIT.failed;
}
