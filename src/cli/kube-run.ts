/** `unet kube run`: a template's objects for as long as this process runs, or until they have ended. */
import { UnetError } from '../errors.ts';
import { newJobId } from '../kube-jobs/jobs/ownership.ts';
import { runJob } from '../kube-jobs/jobs/run.ts';
import { schedulerJob } from '../kube-jobs/jobs/scheduler-job.ts';
import { parseFluxDuration } from '../kube-jobs/jobspec/duration.ts';
import type { JobRequest } from '../kube-jobs/jobspec/jobspec.ts';
import type { CommandModule } from './frame/command.ts';
import { miniRequest, OVERRIDES_FLAG } from './kube-mini.ts';
import {
  CLUSTER_FLAGS,
  type ClusterArgs,
  JOBSPEC_FLAGS,
  type JobspecArgs,
  requestOf,
  sessionOf,
} from './kube-session.ts';

type Args = ClusterArgs &
  JobspecArgs & { template?: string; overrides: string; time?: string; logs: boolean };

export const run: CommandModule<Args> = {
  command: 'run [template]',
  describe: 'run a template in the foreground: create, follow its logs, delete; for jobs of Slurm and Flux',
  group: 'use',
  example: [
    ['flux submit -n1 unet kube run train -o \'{"EPOCHS": 3}\'', 'an ordinary job of Flux, also for guests'],
    ['sbatch -t 1:00:00 --wrap "unet kube run train"', 'a job of Slurm; scancel deletes the objects'],
    ['unet kube run ./web.yaml -t 10m', 'in a terminal; Ctrl-C deletes the objects'],
  ],
  settings: [],
  positionals: { template: { type: 'string', describe: 'a template’s name, or a path with a slash in it' } },
  builder: {
    overrides: OVERRIDES_FLAG,
    ...JOBSPEC_FLAGS,
    time: {
      type: 'string',
      alias: 't',
      describe: 'walltime: seconds, or with s, m, h, d; default the jobspec’s, else none',
    },
    logs: { type: 'boolean', default: true, describe: 'logs of the pods on stdout; --no-logs for none' },
    ...CLUSTER_FLAGS,
  },
  async handler(context) {
    const { args, cwd, env, out, say, signal } = context;
    const request = await chosenRequest(args, cwd);
    const session = sessionOf(context);
    const job = schedulerJob(env);
    return await runJob(session, request, {
      id: newJobId(request.template),
      job,
      logs: args.logs && request.logs,
      onLine: (line, stream) => (stream === 'stdout' ? out(line) : say(line)),
      say,
      signal,
    });
  },
};

async function chosenRequest(args: Args, cwd: string): Promise<JobRequest> {
  const request = args.template === undefined ? await requestOf(args, cwd) : ofTemplate(args, args.template);
  if (args.time === undefined) {
    return request;
  }
  const duration = parseFluxDuration(args.time);
  if (duration === undefined) {
    throw new UnetError('UNET_USAGE', `--time "${args.time}" is not a duration: seconds, or with s, m, h, d`);
  }
  return { ...request, durationMs: duration.ms };
}

function ofTemplate(args: Args, template: string): JobRequest {
  if (args.jobspec !== undefined || args.string !== undefined) {
    throw new UnetError('UNET_USAGE', 'give either a template or a jobspec, not both');
  }
  return { ...miniRequest(template, args.overrides), ignoreUnknown: args['ignore-unknown-parameters'] };
}
