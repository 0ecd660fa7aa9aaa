/**
 * Whether the Flux instance is still there. The supervisor and the agent of its node are not the instance's own processes, so
 * nobody tells them that it has ended: the script was over and the cleanup could not run, or the broker was killed.
 */
import { readFileSync } from 'node:fs';
import type { FluxDetails } from './details.ts';
import { fluxEnvironment } from './flux.ts';
import { getattr } from './instance.ts';

/**
 * A function that says whether this node's broker has ended, by its process; it costs one look into /proc. Undefined where
 * there is none to be looked at: outside of Flux, on another host by flux proxy, or when Flux does not say which it is.
 */
export async function brokerWatch(
  { rank, uri }: FluxDetails,
  env: NodeJS.ProcessEnv,
): Promise<(() => boolean) | undefined> {
  if (rank === undefined) {
    return undefined;
  }
  const options = { env: fluxEnvironment(env, uri) };
  const pid = Number(await getattr('broker.pid', options).catch(() => undefined));
  const name = nameOf(pid);
  // The kernel gives a pid again.
  return name === undefined ? undefined : () => nameOf(pid) !== name;
}

function nameOf(pid: number): string | undefined {
  try {
    const [, name, state] = /^\d+ \((.*)\) (.)/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
    return state === 'Z' ? undefined : name;
  } catch {
    return undefined;
  }
}
