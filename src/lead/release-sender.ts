/** The release on its way to the agents: packed once, then read from the job directory or pushed down their input. */
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ToAgents } from '../node/protocol.ts';
import { childEnvironment } from '../process/environment.ts';
import { type PackedRelease, packRelease } from '../provision/pack.ts';
import { parseReleaseReference } from '../provision/reference.ts';

const PART_BYTES = 48 * 1024;

export type ReleaseSenderOptions = {
  reference: string;
  cwd: string;
  destination: string;
  env: NodeJS.ProcessEnv;
  timeoutMs: number;
  signal: AbortSignal;
  send: (message: ToAgents) => void;
};

/** `prepare` packs; `deliver` says whether all agents see the job directory. Sent when both have happened. */
export function createReleaseSender(options: ReleaseSenderOptions) {
  let packed: PackedRelease | undefined;
  let shared: boolean | undefined;
  const sendWhenKnown = async () => {
    if (packed === undefined || shared === undefined) {
      return;
    }
    const { sha256, bytes, file } = packed;
    options.send({ type: 'release', sha256, bytes, ...(shared ? { path: file } : {}) });
    if (!shared) {
      const content = await readFile(file);
      for (let at = 0; at < content.length; at += PART_BYTES) {
        options.send({
          type: 'release-part',
          data: content.subarray(at, at + PART_BYTES).toString('base64'),
        });
      }
    }
  };
  return {
    prepare: async () => {
      packed = await packRelease(parseReleaseReference(options.reference, options.cwd), {
        destination: options.destination,
        rehearsalDir: rehearsalDirectory(),
        env: childEnvironment(options.env),
        timeoutMs: options.timeoutMs,
        signal: options.signal,
      });
      await sendWhenKnown();
      return packed;
    },
    deliver: (everyNodeSeesJobDir: boolean) => {
      shared = everyNodeSeesJobDir;
      void sendWhenKnown();
    },
    /** For agents that were launched later. */
    again: () => void sendWhenKnown(),
  };
}

/** The rehearsal release lies beside the bundle. */
function rehearsalDirectory(): string {
  return join(dirname(fileURLToPath(import.meta.url)), 'rehearsal');
}
