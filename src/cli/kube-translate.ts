/** `unet kube translate`: what a jobspec would create. */
import { stringify } from 'yaml';
import { EXIT } from '../errors.ts';
import { newJobId } from '../kube-jobs/jobs/ownership.ts';
import { renderJob } from '../kube-jobs/jobs/prepare.ts';
import type { CommandModule } from './frame/command.ts';
import {
  CLUSTER_FLAGS,
  type ClusterArgs,
  JOBSPEC_FLAGS,
  type JobspecArgs,
  requestOf,
  sessionOf,
} from './kube-session.ts';

type Args = ClusterArgs & JobspecArgs & { output: 'json' | 'yaml' };

export const translate: CommandModule<Args> = {
  command: 'translate',
  describe: 'translate a jobspec into the objects that it would create',
  group: 'use',
  example: [
    ['unet kube translate -j kubejob.yaml', 'one List, as YAML'],
    ['unet kube translate -j kubejob.yaml -o json | jq .items[].kind', 'for a script'],
  ],
  settings: [],
  builder: {
    ...JOBSPEC_FLAGS,
    output: { type: 'string', alias: 'o', choices: ['json', 'yaml'], default: 'yaml', describe: 'form' },
    ...CLUSTER_FLAGS,
  },
  async handler(context) {
    const { args, cwd, out, say, signal } = context;
    const request = await requestOf(args, cwd);
    const session = sessionOf(context);
    const { list, message } = await renderJob(session, request, { id: newJobId(request.template), signal });
    out(args.output === 'json' ? JSON.stringify(list, null, 2) : stringify(list).trimEnd());
    if (message !== undefined) {
      say(message);
    }
    return EXIT.done;
  },
};
