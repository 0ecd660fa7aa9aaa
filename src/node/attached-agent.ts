/** The life of an agent that a prolog has started: it looks for its supervisor, serves it as any other does, and goes. */
import type { TLSSocket } from 'node:tls';
import { meetingPlace } from '../attach/meeting-place.ts';
import { UnetError } from '../errors.ts';
import { readPresence, removePresence } from '../launch/presence.ts';
import { withDeadline } from '../process/deadline.ts';
import { runAgent } from './agent.ts';
import { connectAgent } from './connect-agent.ts';

const CLOSE_MS = 2000;

export type AttachedAgentOptions = {
  /** The file of the node's presence. */
  presence: string;
  unet: string;
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
};

/**
 * Resolves with the exit code.
 *
 * @throws UnetError UNET_TIMEOUT when no supervisor was found within `--timeout`.
 */
export async function runAttachedAgent({ presence: file, unet, env, signal }: AttachedAgentOptions) {
  const presence = await readPresence(file);
  if (presence === undefined) {
    throw new UnetError('UNET_INTERNAL', `${file} is not there`);
  }
  const { node, allocation, settings, jobDir } = presence;
  const place = meetingPlace(allocation, jobDir, env);
  if (place === undefined) {
    throw new UnetError('UNET_INTERNAL', `${file} names no meeting place`);
  }
  try {
    const lead = allocation.nodes[0] ?? '';
    const socket = await withDeadline(
      settings.timeout,
      signal,
      (limit) => connectAgent(place, { node, isLead: node === lead }, limit),
      () => noSupervisor(lead, settings.timeout),
    );
    const code = await runAgent({ node, unet, input: socket, output: socket, env, signal });
    await close(socket);
    return code;
  } finally {
    await removePresence(allocation.jobId, node);
  }
}

/** What was said last is to arrive, if somebody is still there. */
function close(socket: TLSSocket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) {
      resolve();
      return;
    }
    const timer = setTimeout(() => socket.destroy(), CLOSE_MS);
    socket.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
    socket.end();
  });
}

function noSupervisor(lead: string, timeoutMs: number): UnetError {
  return new UnetError('UNET_TIMEOUT', `no supervisor was found within ${timeoutMs / 1000} s`, {
    remedy: `did the prolog run on ${lead}, and do the nodes share the job directory?`,
  });
}
