/** `unet kube daemon`: jobs of a Flux instance with `flux-kube: 1` become objects. */
import { runDaemon } from '../kube-jobs/flux/daemon.ts';
import { timeText } from '../kube-jobs/follow/trouble.ts';
import type { CommandModule } from './frame/command.ts';
import { CLUSTER_FLAGS, type ClusterArgs, sessionOf } from './kube-session.ts';

export const daemon: CommandModule<ClusterArgs> = {
  command: 'daemon',
  describe: 'create, follow and delete the objects of this Flux instance’s jobs, until it ends',
  group: 'use',
  example: [
    ['flux submit --requires=rank:0 unet kube daemon --templates ~/templates', 'as a job of the instance'],
    ['unet kube daemon &', 'in the script of flux batch, or a shell of flux alloc'],
  ],
  settings: [],
  builder: CLUSTER_FLAGS,
  async handler(context) {
    const { say, signal } = context;
    const session = sessionOf(context);
    const timed = (line: string) => say(`${timeText(new Date())} ${line}`);
    return await runDaemon({ session, say: timed, onReady: () => timed('ready'), signal });
  },
};
