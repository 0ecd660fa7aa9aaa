/** `unet kube submit`: a jobspec's objects, made at once, without a scheduler; they stay until `cancel`. */
import { EXIT } from '../errors.ts';
import { copyToFlux } from '../kube-jobs/flux/copy.ts';
import { createJob } from '../kube-jobs/jobs/create.ts';
import { newJobId } from '../kube-jobs/jobs/ownership.ts';
import { prepareJob, type Session } from '../kube-jobs/jobs/prepare.ts';
import type { JobRequest } from '../kube-jobs/jobspec/jobspec.ts';
import { describeObject } from '../kube-jobs/object.ts';
import type { CommandContext, CommandModule } from './frame/command.ts';
import {
  CLUSTER_FLAGS,
  type ClusterArgs,
  JOBSPEC_FLAGS,
  type JobspecArgs,
  requestOf,
  sessionOf,
} from './kube-session.ts';

export const submit: CommandModule<ClusterArgs & JobspecArgs> = {
  command: 'submit',
  describe: 'create the objects of a jobspec',
  group: 'use',
  example: [
    ['unet kube submit -j kubejob.yaml', 'prints the job’s id; they stay until unet kube cancel'],
    ['unet kube submit -s "$(cat kubejob.yaml)" -n demo', 'a string, in another namespace'],
  ],
  settings: [],
  builder: { ...JOBSPEC_FLAGS, ...CLUSTER_FLAGS },
  async handler(context) {
    const request = await requestOf(context.args, context.cwd);
    return await submitJob(sessionOf(context), request, context);
  },
};

/** Prints the new job's id. */
export async function submitJob(
  session: Session,
  request: JobRequest,
  { signal, say, out }: Pick<CommandContext, 'signal' | 'say' | 'out'>,
): Promise<number> {
  const id = newJobId(request.template);
  const { record, message } = await prepareJob(session, request, { id, signal });
  await createJob(session.cluster(), record, {
    onCreated: (object) => say(`created ${describeObject(object)}`),
    signal,
  });
  await copyToFlux(record, session.env, { say, signal });
  if (message !== undefined) {
    say(message);
  }
  if (record.durationMs !== undefined) {
    say('its duration is ignored, since no scheduler runs this job; use "unet kube run" or flux submit');
  }
  out(id);
  return EXIT.done;
}
