/** `unet kube install-flux`, and what Flux's prolog and epilog run. */
import { resolve } from 'node:path';
import { EXIT } from '../errors.ts';
import { configuration, installFluxCommand } from '../kube-jobs/flux/install.ts';
import { followJob, runEpilog, runProlog } from '../kube-jobs/flux/perilog.ts';
import type { CommandModule } from './frame/command.ts';
import { CLUSTER_FLAGS, type ClusterArgs, sessionOf } from './kube-session.ts';

export const installFlux: CommandModule<{ directory?: string; configuration: boolean }> = {
  command: 'install-flux [directory]',
  describe: 'make it a command of Flux: flux kube',
  group: 'site',
  example: [
    ['unet kube install-flux ~/.local/libexec/flux', 'then: export FLUX_EXEC_PATH=~/.local/libexec/flux'],
    ['unet kube install-flux --configuration', 'what a system instance’s TOML needs'],
  ],
  settings: [],
  positionals: {
    directory: { type: 'string', describe: 'default: the first of FLUX_EXEC_PATH that can be written' },
  },
  builder: {
    configuration: {
      type: 'boolean',
      default: false,
      describe: 'print the lines for Flux’s configuration instead',
    },
  },
  async handler({ args, env, cwd, out, say }) {
    if (args.configuration) {
      configuration().forEach((line) => void out(line));
      return EXIT.done;
    }
    const directory = args.directory === undefined ? undefined : resolve(cwd, args.directory);
    const program = [process.execPath, process.argv[1] ?? ''];
    const path = await installFluxCommand(directory, env, program);
    out(path);
    if (directory !== undefined && !(env.FLUX_EXEC_PATH ?? '').split(':').includes(directory)) {
      say(`flux finds it with: export FLUX_EXEC_PATH=${directory}`);
    }
    return EXIT.done;
  },
};

export const prolog: CommandModule<ClusterArgs> = {
  command: 'prolog',
  describe: 'for the prolog of Flux: create the objects of $FLUX_JOB_ID',
  group: 'site',
  example: [['command = [ "unet", "kube", "prolog" ]', 'in [job-manager.prolog], see docs/kube-jobs.md']],
  settings: [],
  builder: CLUSTER_FLAGS,
  async handler(context) {
    const { args, signal, say } = context;
    const session = sessionOf(context);
    const own = [process.execPath, process.argv[1] ?? '', 'kube', 'follow'];
    const flags = [
      ...(args.templates ?? []).flatMap((path) => ['--templates', resolve(context.cwd, path)]),
      ...(args.namespace === undefined ? [] : ['--namespace', args.namespace]),
      ...(args.kubeconfig === undefined ? [] : ['--kubeconfig', resolve(context.cwd, args.kubeconfig)]),
      ...(args.context === undefined ? [] : ['--context', args.context]),
    ];
    return await runProlog({ session, signal, say }, [...own, ...flags]);
  },
};

export const epilog: CommandModule<ClusterArgs> = {
  command: 'epilog',
  describe: 'for the epilog of Flux: delete the objects of $FLUX_JOB_ID',
  group: 'site',
  example: [['command = [ "unet", "kube", "epilog" ]', 'in [job-manager.epilog]']],
  settings: [],
  builder: CLUSTER_FLAGS,
  async handler(context) {
    const { signal, say } = context;
    const session = sessionOf(context);
    return await runEpilog({ session, signal, say });
  },
};

/** What the prolog starts. */
export const follow: CommandModule<ClusterArgs & { job: string }> = {
  command: 'follow <job>',
  describe: 'follow the objects of a job, which its prolog has created',
  group: 'site',
  example: [['unet kube follow fFRA1wV', 'what unet kube prolog starts']],
  settings: [],
  hidden: true,
  positionals: { job: { type: 'string', describe: 'the job’s id', demandOption: true } },
  builder: CLUSTER_FLAGS,
  async handler(context) {
    const { args, signal, say } = context;
    const session = sessionOf(context);
    return await followJob({ session, signal, say }, args.job);
  },
};
