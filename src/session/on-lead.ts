/** A command that is typed where what it starts could not stay: it is run on the lead instead, as it was typed. */
import { runForeground } from '../process/foreground.ts';
import { ownProgram } from '../process/own-program.ts';
import { openAllocation } from '../scheduler/registry.ts';
import type { Job } from './job.ts';

/** Has the job's id for the command over there, which does not look again. */
const ON_LEAD = 'UNET_ON_LEAD';

export type OnLeadOptions = {
  /** Also where this host is a node of the allocation, but not the lead. Otherwise only from a login node. */
  fromNodes?: boolean;
  /** What stays here has to start something on the lead. */
  needsLead?: boolean;
  /** The command reads standard input, and may want a terminal. */
  input?: boolean;
  signal: AbortSignal;
  say: (line: string) => void;
};

/**
 * Runs this very command line on the lead; its exit code. Undefined: it is to be done here.
 *
 * @throws UnetError UNET_FLUX_TOO_OLD where the scheduler runs no commands there
 */
export async function runOnLead(
  { allocation, env, cwd }: Job,
  { fromNodes = false, needsLead = fromNodes, input = false, signal, say }: OnLeadOptions,
): Promise<number | undefined> {
  const { onLead } = openAllocation(allocation, env);
  if (onLead === undefined || env[ON_LEAD] === allocation.jobId) {
    return undefined;
  }
  if (onLead.refusal !== undefined && (onLead.outside || needsLead)) {
    throw onLead.refusal;
  }
  if (!(onLead.outside || fromNodes)) {
    return undefined;
  }
  const words = process.argv.slice(2);
  if (!input) {
    say(`unet ${words[0]} runs on ${allocation.nodes[0]}, the lead of ${allocation.jobId}`);
  }
  const terminal = input && process.stdin.isTTY === true && process.stdout.isTTY === true;
  const argv = onLead.command([...ownProgram(), ...words], {
    cwd,
    terminal,
    input: input && process.stdin.isTTY !== true,
  });
  return await runForeground(argv, {
    env: { ...onLead.environment(env), [ON_LEAD]: allocation.jobId },
    cwd,
    signal,
  });
}
