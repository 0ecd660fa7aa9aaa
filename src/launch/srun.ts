/** Agents as one Slurm step. srun gives each its input, line by line, and merges their lines. */
import { UnetError } from '../errors.ts';
import { startLines } from '../process/start.ts';
import { parseTaskEnd, srunArgv } from '../slurm/srun.ts';
import type { Launcher } from './launcher.ts';

export function srunLauncher(schedulerJobId: string): Launcher {
  return {
    kind: 'srun',
    start: ({ nodes, argv, env, onLine, onDiagnostic, onExit }) => {
      const child = startLines(srunArgv(schedulerJobId, nodes, argv), {
        env,
        onLine,
        onErrorLine: (line) => {
          onDiagnostic(line);
          const end = parseTaskEnd(line, nodes);
          if (end !== undefined) {
            onExit(end.nodes, end.reason);
          }
        },
      });
      return {
        nodes,
        send: child.send,
        endInput: child.endInput,
        terminate: child.terminate,
        ended: child.ended.then((end) => {
          onExit(undefined, `srun ${end.reason}`);
          return end;
        }),
      };
    },
  };
}

/** What to say when the launcher ended before any agent spoke. */
export function launchFailure(reason: string, diagnostics: readonly string[]): UnetError {
  return new UnetError('UNET_LAUNCH_FAILED', `the agents could not be started: ${reason}`, {
    tail: diagnostics.slice(-12),
    remedy: 'the last lines above are the launcher\'s own; try "srun --overlap hostname" in the same allocation',
  });
}
