/** Which broker is on this host. FLUX_URI may be a socket of flux proxy, which goes with that, or ssh://, and then another host's broker answers. */
import { existsSync } from 'node:fs';
import { type FluxOptions, fluxEnvironment } from './flux.ts';
import { birth, getattr } from './instance.ts';

const LOCAL = 'local://';

/**
 * The URI of the socket that the answering broker listens on itself, if it is on this host; undefined where it is on another one. A
 * socket of that name may be here although it is not that broker's: a system instance has one on every host.
 *
 * @param broker that answers at `uri`: its rank, and the birth of its instance.
 */
export async function ownSocket(
  uri: string,
  broker: { rank: string; born: string },
  env: NodeJS.ProcessEnv,
  options: FluxOptions,
): Promise<string | undefined> {
  const socket = await getattr('local-uri', options);
  if (uri === socket) {
    return uri;
  }
  if (socket === undefined) {
    return uri.startsWith(LOCAL) && env.FLUX_PROXY_REMOTE === undefined ? uri : undefined;
  }
  if (!existsSync(socket.replace(LOCAL, ''))) {
    return undefined;
  }
  const there = { ...options, env: fluxEnvironment(env, socket) };
  try {
    const [rank, born] = await Promise.all([getattr('rank', there), birth(there)]);
    return rank === broker.rank && born === broker.born ? socket : undefined;
  } catch {
    return undefined;
  }
}
