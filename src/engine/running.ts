/** Whether the node's container runs: `up` of podman-compose can end well and leave one that was only created. */
import { UnetError } from '../errors.ts';
import { lastLines, run } from '../process/run.ts';
import type { Engine } from './engine.ts';
import { ownFilter } from './labels.ts';
import type { LeftoverOptions } from './leftovers.ts';

/**
 * Undefined when it runs, or when the engine does not say.
 *
 * @returns the error that says what the container is instead, with its last words.
 */
export async function whyNotRunning(
  engine: Pick<Engine, 'command'>,
  { jobId, node, env, timeoutMs, signal }: LeftoverOptions & { signal?: AbortSignal | undefined },
): Promise<UnetError | undefined> {
  const options = { env, timeoutMs, signal };
  const argv = [...engine.command, 'ps', '-a', ...ownFilter({ jobId, node })];
  const listed = await run([...argv, '--format', '{{.ID}} {{.Status}}'], options);
  if (listed.exitCode !== 0) {
    return undefined;
  }
  const [id = '', ...status] = (listed.stdout.trim().split('\n', 1)[0] ?? '').split(' ');
  if (status[0]?.toLowerCase() === 'up') {
    return undefined;
  }
  const said = id === '' ? undefined : await run([...engine.command, 'logs', id], options);
  return new UnetError(
    'UNET_NODE_NOT_RUNNING',
    `make up succeeded, but the node’s container ${id === '' ? 'is not there' : `does not run: ${status.join(' ')}`}`,
    {
      tail: said === undefined ? undefined : lastLines(`${said.stdout}\n${said.stderr}`, 6),
      remedy: 'see the log of "up" for the engine’s output; --retain keeps the container for inspection',
    },
  );
}
