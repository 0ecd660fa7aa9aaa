/** `unet kube mini submit|cancel TEMPLATE -o OVERRIDES`: without a jobspec. */
import { errorMessage, UnetError } from '../errors.ts';
import { type JobRequest, readJobspec } from '../kube-jobs/jobspec/jobspec.ts';
import type { CommandModule } from './frame/command.ts';
import { cancelJob } from './kube-cancel.ts';
import { CLUSTER_FLAGS, type ClusterArgs, JOBSPEC_FLAGS, sessionOf } from './kube-session.ts';
import { submitJob } from './kube-submit.ts';

const ACTIONS = ['submit', 'cancel'] as const;

type Args = ClusterArgs & {
  action: (typeof ACTIONS)[number];
  template: string;
  overrides: string;
  'ignore-unknown-parameters': boolean;
  all: boolean;
};

export const OVERRIDES_FLAG = {
  type: 'string',
  alias: 'o',
  default: '{}',
  describe: 'template overrides: a map, JSON or YAML',
} as const;

export const mini: CommandModule<Args> = {
  command: 'mini <action> <template>',
  describe: 'submit or cancel a template with overrides, without a jobspec',
  group: 'use',
  example: [
    [
      'unet kube mini submit nginx-template -o \'{"APPLICATION_DOMAIN": "nginx.apps.example"}\'',
      'creates its objects; cancel with the same overrides deletes them',
    ],
  ],
  settings: [],
  positionals: {
    action: { type: 'string', choices: ACTIONS, describe: 'submit or cancel', demandOption: true },
    template: { type: 'string', describe: 'its name, or a path with a slash in it', demandOption: true },
  },
  builder: {
    overrides: OVERRIDES_FLAG,
    'ignore-unknown-parameters': JOBSPEC_FLAGS['ignore-unknown-parameters'],
    all: { type: 'boolean', default: false, describe: 'cancel: all of that template and overrides' },
    ...CLUSTER_FLAGS,
  },
  async handler(context) {
    const { args } = context;
    const request = {
      ...miniRequest(args.template, args.overrides),
      ignoreUnknown: args['ignore-unknown-parameters'],
    };
    return args.action === 'submit'
      ? await submitJob(sessionOf(context), request, context)
      : await cancelJob(sessionOf(context), request, args.all, context);
  },
};

/** The job that a template's name and the text of -o ask for. @throws UnetError UNET_USAGE */
export function miniRequest(template: string, overrides: string): JobRequest {
  // As text within the jobspec, so that a number keeps the form in which it was typed.
  const indented = overrides
    .trim()
    .split('\n')
    .map((line) => `      ${line}`)
    .join('\n');
  const jobspec = [
    `tasks: [{command: [${JSON.stringify(template)}]}]`,
    'attributes:',
    '  system:',
    '    flux-kube: 1',
    '    template_overrides:',
    indented,
  ].join('\n');
  try {
    return readJobspec(jobspec, '-o');
  } catch (error) {
    const said = errorMessage(error);
    throw new UnetError(
      'UNET_USAGE',
      `the overrides are not a map such as '{"NAME": "value"}': ${said.split('\n')[0]}`,
      {
        cause: error,
      },
    );
  }
}
