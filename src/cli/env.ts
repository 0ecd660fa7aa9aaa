/** `unet env`: the cluster's variables, for a shell's eval. */

import { UnetError } from '../errors.ts';
import { shellQuote } from '../process/quote.ts';
import { commandVariables } from '../session/cluster-variables.ts';
import { findJob, usableCluster } from '../session/job.ts';
import { VERSION } from '../version.ts';
import type { CommandModule } from './frame/command.ts';

const SHELLS = ['sh', 'csh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

export const env: CommandModule<{ shell: Shell }> = {
  command: 'env',
  describe: 'print KUBECONFIG and the cluster’s other variables, for eval',
  group: 'use',
  example: [
    ['eval "$(unet env)"', 'in bash, zsh and other shells of that kind'],
    ['eval `unet env --shell csh`', 'in csh and tcsh'],
  ],
  settings: ['allocation', 'name', 'jobDir'],
  builder: { shell: { choices: SHELLS, default: 'sh', describe: 'for which kind of shell' } },
  async handler({ args, settings, env: environment, cwd, signal, out }) {
    const job = await findJob({ settings, env: environment, cwd, unet: VERSION, signal });
    const variables = commandVariables(await usableCluster(job), job.paths, environment);
    for (const [name, value] of Object.entries(variables)) {
      out(assign(args.shell, name, value));
    }
    return 0;
  },
};

/** The shell's own way to set an exported variable. */
export function assign(shell: Shell, name: string, value: string): string {
  if (/[\n\0]/.test(value)) {
    throw new UnetError('UNET_INTERNAL', `the value of ${name} has a line break`);
  }
  switch (shell) {
    case 'sh':
      return `export ${name}=${shellQuote(value)}`;
    case 'csh':
      // csh expands ! even within quotes.
      return `setenv ${name} ${shellQuote(value).replaceAll('!', '\\!')};`;
    case 'fish':
      return `set -gx ${name} '${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}';`;
  }
}
