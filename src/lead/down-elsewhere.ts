/** `unet down` on the supervisor's node, by flux exec: where the job directory is not shared, only there it is heard. */

import { dirname } from 'node:path';
import { UnetError } from '../errors.ts';
import type { UnetEvent } from '../events/types.ts';
import { fluxExecArgv } from '../flux/exec.ts';
import { describeEnd, lastLines, run } from '../process/run.ts';
import { type FoundState, fluxExecEnvironment } from './find-state.ts';
import type { Job } from './job.ts';

/** @throws UnetError UNET_TEARDOWN_INCOMPLETE when it did not come to its end there. */
export async function downOnItsNode(
  job: Job,
  { state }: FoundState,
  onEvent: (event: UnetEvent) => void,
  timeoutMs: number,
): Promise<void> {
  const { rank, host } = state.supervisor;
  const remedy = `run "unet down" on ${host}`;
  if (rank === undefined || state.jobDir === undefined) {
    throw new UnetError(
      'UNET_TEARDOWN_INCOMPLETE',
      `the supervisor is on ${host}, and its job directory is not seen here`,
      { remedy },
    );
  }
  const argv = fluxExecArgv(rank, [
    process.execPath,
    process.argv[1] ?? 'unet',
    'down',
    '--allocation',
    'flux',
    '--name',
    job.settings.name,
    '--job-dir',
    dirname(state.jobDir),
    '--output',
    'json',
  ]);
  const result = await run(argv, {
    env: fluxExecEnvironment(job),
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

function parse(line: string): UnetEvent | undefined {
  try {
    return line.startsWith('{') ? (JSON.parse(line) as UnetEvent) : undefined;
  } catch {
    return undefined;
  }
}
