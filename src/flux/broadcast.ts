/** A file for all nodes as a Flux archive, which stays until the lead's agent removes it. */
import { basename, dirname } from 'node:path';
import type { Broadcast } from '../scheduler/scheduler.ts';
import { createArchive, extractArchive } from './archive.ts';
import { fluxEnvironment } from './flux.ts';

/** @param uri of the lead's broker; a node fetches from its own. */
export function archiveBroadcast(uri: string, env: NodeJS.ProcessEnv): Broadcast {
  return {
    route: 'flux-archive',
    stays: true,
    send: (file, { name }, options) =>
      createArchive({ ...options, name, env: fluxEnvironment(env, uri) }, dirname(file), basename(file)),
    fetch: async (name, directory, options) => {
      while (!(await extractArchive({ ...options, name, env: fluxEnvironment(env) }, directory))) {
        options.signal.throwIfAborted();
      }
    },
  };
}
