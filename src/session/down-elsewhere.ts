/** `unet down` on the supervisor's node: where the job directory is not shared, only a command there reaches the supervisor. */
import { dirname } from 'node:path';
import { UnetError } from '../errors.ts';
import { UnetEvent } from '../events/schema.ts';
import type { FoundState } from '../launch/find-state.ts';
import { ownProgram } from '../process/own-program.ts';
import { describeEnd, lastLines, run } from '../process/run.ts';
import { openAllocation } from '../scheduler/registry.ts';
import type { Job } from './job.ts';

/** @throws UnetError UNET_TEARDOWN_INCOMPLETE when it did not come to its end there. */
export async function downOnItsNode(
  job: Job,
  { state }: FoundState,
  onEvent: (event: UnetEvent) => void,
  timeoutMs: number,
): Promise<void> {
  const { node, host } = state.supervisor;
  const remedy = `run "unet down" on ${host}`;
  const scheduler = openAllocation(job.allocation, job.env);
  const argv =
    node === undefined || state.jobDir === undefined
      ? undefined
      : scheduler.command(node, downCommand(job, state.jobDir));
  if (argv === undefined) {
    throw new UnetError(
      'UNET_TEARDOWN_INCOMPLETE',
      `the supervisor is on ${host}, and its job directory is not visible here`,
      { remedy },
    );
  }
  const result = await run(argv, {
    env: scheduler.environment(),
    timeoutMs,
    onLine: (line) => {
      const event = parse(line);
      if (event !== undefined) {
        onEvent(event);
      }
    },
  });
  if (result.exitCode !== 0) {
    throw new UnetError(
      'UNET_TEARDOWN_INCOMPLETE',
      `unet down on ${host}, where the supervisor is, ${describeEnd(result, timeoutMs)}`,
      { remedy, tail: lastLines(result.stderr) },
    );
  }
}

function downCommand({ allocation, settings }: Job, jobDir: string): string[] {
  return [
    ...ownProgram(),
    'down',
    '--allocation',
    allocation.kind,
    '--name',
    settings.name,
    '--job-dir',
    dirname(jobDir),
    '--output',
    'json',
  ];
}

function parse(line: string): UnetEvent | undefined {
  try {
    return line.startsWith('{') ? UnetEvent.safeParse(JSON.parse(line)).data : undefined;
  } catch {
    return undefined;
  }
}
