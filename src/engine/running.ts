/** Whether the node's container runs: `up` of podman-compose can end well and leave one that was only created. */
import { UnetError } from '../errors.ts';
import { lastLines, run } from '../process/run.ts';
import type { Engine } from './engine.ts';
import { ownFilter } from './labels.ts';
import type { LeftoverOptions } from './leftovers.ts';

export type LookOptions = LeftoverOptions & { signal?: AbortSignal | undefined };

/** `id` is empty when there is no such container; `status` is in the engine's words: "Exited (137) 2 seconds ago". */
export type ContainerState = { runs: boolean; id: string; status: string };

/** Undefined when the engine does not say. */
export async function containerState(
  engine: Pick<Engine, 'command'>,
  { jobId, node, env, timeoutMs, signal }: LookOptions,
): Promise<ContainerState | undefined> {
  const argv = [...engine.command, 'ps', '-a', ...ownFilter({ jobId, node })];
  const listed = await run([...argv, '--format', '{{.ID}} {{.Status}}'], { env, timeoutMs, signal });
  if (listed.exitCode !== 0) {
    return undefined;
  }
  const [id = '', ...words] = (listed.stdout.trim().split('\n', 1)[0] ?? '').split(' ');
  return { runs: words[0]?.toLowerCase() === 'up', id, status: words.join(' ') };
}

/**
 * Undefined when it runs, or when the engine does not say.
 *
 * @param when what was before, for the error: "make up succeeded, but".
 * @returns the error that says what the container is instead, with its last words.
 */
export async function whyNotRunning(
  engine: Pick<Engine, 'command'>,
  options: LookOptions,
  when = '',
): Promise<UnetError | undefined> {
  const state = await containerState(engine, options);
  if (state === undefined || state.runs) {
    return undefined;
  }
  const { id, status } = state;
  const said = id === '' ? undefined : await logsOf(engine, id, options);
  return new UnetError(
    'UNET_NODE_NOT_RUNNING',
    `${when === '' ? '' : `${when} `}the node’s container ${id === '' ? 'is not there' : `does not run: ${status}`}`,
    {
      fatal: true,
      tail: said === undefined ? undefined : lastLines(said, 6),
      remedy: 'see the log of "up" for the engine’s output; --retain keeps the container for inspection',
    },
  );
}

/** What the first process of the node's container has written, running or not. Empty when there is none. */
export async function whatContainerSaid(
  engine: Pick<Engine, 'command'>,
  options: LookOptions,
): Promise<string> {
  const { id = '' } = (await containerState(engine, options)) ?? {};
  return id === '' ? '' : await logsOf(engine, id, options);
}

async function logsOf(
  engine: Pick<Engine, 'command'>,
  id: string,
  { env, timeoutMs, signal }: LookOptions,
): Promise<string> {
  const { stdout, stderr } = await run([...engine.command, 'logs', id], { env, timeoutMs, signal });
  return `${stdout}\n${stderr}`;
}
