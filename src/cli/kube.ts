/** `unet kube …`: jobs that become objects of Kubernetes; also `flux kube …`. Its commands are a bundle of their own. */
import type { CommandModule } from './frame/command.ts';

export const kube: CommandModule = {
  command: 'kube',
  describe: 'jobs of Flux and Slurm that become objects of Kubernetes: unet kube --help',
  group: 'use',
  example: [
    ['unet kube get template_names', 'what can be submitted'],
    [
      'unet kube run web -o \'{"HOST": "web.example"}\'',
      'in the foreground; sbatch and flux submit take it, too',
    ],
    ['unet kube submit -j job.yaml', 'by a jobspec of Flux; unet kube cancel -j job.yaml takes it away'],
  ],
  settings: [],
  rest: 'everything',
  async handler({ rest, env, cwd, stdout, stderr, signal }) {
    const { runKube } = await import('./kube-commands.ts');
    return await runKube(rest, { env, cwd, stdout, stderr, signal });
  },
};
