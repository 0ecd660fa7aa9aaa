/**
 * The release on its way to the agents: packed once, then read from the job directory; where that is not shared it goes into a
 * Flux archive, or is pushed down their input.
 */
import { readFile } from 'node:fs/promises';
import type { ToAgents } from '../node/protocol.ts';
import { childEnvironment } from '../process/environment.ts';
import { type PackedRelease, packRelease } from '../provision/pack.ts';
import { parseReleaseReference } from '../provision/reference.ts';
import { rehearsalDirectory } from '../provision/rehearsal-directory.ts';

const PART_BYTES = 48 * 1024;

export type ReleaseSenderOptions = {
  reference: string;
  /** Another way to the packed release than by its reference. */
  obtain?: (() => Promise<PackedRelease>) | undefined;
  cwd: string;
  destination: string;
  env: NodeJS.ProcessEnv;
  timeoutMs: number;
  signal: AbortSignal;
  send: (message: ToAgents) => void;
  onTrouble: (error: unknown) => void;
  /** Puts the file where all ranks find it, and resolves with the archive's name; undefined: there is no such place. */
  archive?: ((file: string, sha256: string) => Promise<string | undefined>) | undefined;
};

export type ReleaseSender = {
  /** Packs the release, and tells the agents where it is: those that see the job directory can begin. */
  prepare: () => Promise<void>;
  /** Whether all agents see the job directory; if not, the release itself is sent. */
  deliver: (everyNodeSeesJobDir: boolean) => void;
  /** For agents that were launched later, or try again; also for one that does not see the job directory as the others do. */
  again: (seesJobDir?: boolean) => void;
};

export function createReleaseSender(options: ReleaseSenderOptions): ReleaseSender {
  let packed: PackedRelease | undefined;
  let push = false;
  let archived: Promise<string | undefined> | undefined;
  const pushParts = async ({ file, sha256 }: PackedRelease) => {
    archived ??= options.archive?.(file, sha256);
    const archive = await archived;
    if (archive !== undefined) {
      options.send({ type: 'release-part', data: '', archive });
      return;
    }
    const content = await readFile(file);
    for (let at = 0; at < content.length; at += PART_BYTES) {
      options.send({
        type: 'release-part',
        data: content.subarray(at, at + PART_BYTES).toString('base64'),
      });
    }
  };
  const announce = () => {
    if (packed !== undefined) {
      const { sha256, bytes, file } = packed;
      options.send({ type: 'release', sha256, bytes, path: file });
    }
  };
  const pushIfWanted = () => {
    if (packed !== undefined && push) {
      pushParts(packed).catch(options.onTrouble);
    }
  };
  const byReference = () =>
    packRelease(parseReleaseReference(options.reference, options.cwd), {
      destination: options.destination,
      rehearsalDir: rehearsalDirectory(),
      env: childEnvironment(options.env),
      timeoutMs: options.timeoutMs,
      signal: options.signal,
    });
  return {
    prepare: async () => {
      packed = await (options.obtain ?? byReference)();
      announce();
      pushIfWanted();
    },
    deliver: (everyNodeSeesJobDir) => {
      push = !everyNodeSeesJobDir;
      pushIfWanted();
    },
    again: (seesJobDir = true) => {
      push ||= !seesJobDir;
      announce();
      pushIfWanted();
    },
  };
}
