/**
 * The release on its way to the agents: put into the job directory once, and read from there; where that is not shared it goes into a
 * Flux archive, or is pushed down their input. --stage says otherwise: always an archive, or none is sent.
 */
import { readFile } from 'node:fs/promises';
import type { Settings } from '../config/schema.ts';
import { UnetError } from '../errors.ts';
import { childEnvironment } from '../process/environment.ts';
import type { OwnRelease, ToAgents } from '../protocol/to-agents.ts';
import type { PackedRelease } from '../provision/pack-release.ts';
import type { ProvisionOptions } from '../provision/provision.ts';
import { parseReleaseReference, type ReleaseReference } from '../provision/reference.ts';
import { rehearsalDirectory } from '../provision/rehearsal-directory.ts';
import type { ReleaseArchiver } from './release-archive.ts';

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
  /** How to come by it. */
  provision: Pick<ProvisionOptions, 'strategy' | 'cache' | 'cacheFrom' | 'mirrors' | 'workspace' | 'onNote'>;
  send: (message: ToAgents, to?: readonly string[]) => void;
  onTrouble: (error: unknown) => void;
  stage: Settings['stage'];
  /** Puts the file where all ranks find it, and resolves with the archive's name; undefined: there is no such place. */
  archive?: ReleaseArchiver | undefined;
  warn: (message: string) => void;
};

export type ReleaseSender = {
  /** Packs the release, and tells the agents where it is: those that see the job directory can begin. */
  prepare: () => Promise<void>;
  /** Whether all agents see the job directory; if not, the release itself is sent. */
  deliver: (everyNodeSeesJobDir: boolean) => void;
  /** For `nodes` whose agents were launched later, or try again; also for one that does not see the job directory as the others do. */
  again: (nodes: readonly string[], seesJobDir?: boolean) => void;
};

export function createReleaseSender(options: ReleaseSenderOptions): ReleaseSender {
  let packed: PackedRelease | undefined;
  let push = false;
  let archived: Promise<string | undefined> | undefined;
  let only: string | undefined;
  let own: OwnRelease | undefined;
  const pushParts = async ({ file, sha256 }: PackedRelease, to?: readonly string[]) => {
    archived ??= options.archive?.(file, sha256).catch((error: unknown) => {
      options.warn(`the release is pushed down the agents' input: ${UnetError.from(error).message}`);
      return undefined;
    });
    const archive = await archived;
    if (archive !== undefined) {
      options.send({ type: 'release-part', data: '', archive }, to);
      return;
    }
    const content = await readFile(file);
    for (let at = 0; at < content.length; at += PART_BYTES) {
      const data = content.subarray(at, at + PART_BYTES).toString('base64');
      options.send({ type: 'release-part', data }, to);
    }
  };
  const announce = (to?: readonly string[]) => {
    if (packed !== undefined) {
      const { sha256, bytes, file } = packed;
      options.send({ type: 'release', sha256, bytes, path: file, archive: only, own }, to);
    }
  };
  const pushIfWanted = (to?: readonly string[]) => {
    if (packed !== undefined && push && options.stage === 'auto') {
      pushParts(packed, to).catch(options.onTrouble);
    }
  };
  const byReference = async () => {
    const reference = parseReleaseReference(options.reference, options.cwd);
    own = options.stage === 'none' ? ownOf(reference) : undefined;
    // While the agents start.
    const { provisionRelease } = await import('../provision/provision.ts');
    return await provisionRelease(reference, {
      ...options.provision,
      destination: options.destination,
      rehearsalDir: rehearsalDirectory(),
      env: childEnvironment(options.env),
      timeoutMs: options.timeoutMs,
      signal: options.signal,
    });
  };
  return {
    prepare: async () => {
      const result = await (options.obtain ?? byReference)();
      only = options.stage === 'archive' ? await options.archive?.(result.file, result.sha256) : undefined;
      packed = result;
      announce();
      pushIfWanted();
    },
    deliver: (everyNodeSeesJobDir) => {
      push = !everyNodeSeesJobDir;
      pushIfWanted();
    },
    again: (nodes, seesJobDir = true) => {
      push ||= !seesJobDir;
      announce(nodes);
      pushIfWanted(nodes);
    },
  };
}

/** @throws UnetError UNET_CONFIG_INVALID for one that no node can have. */
function ownOf(reference: ReleaseReference): OwnRelease {
  if (reference.kind === 'git' || reference.kind === 'download' || reference.kind === 'cached') {
    throw new UnetError(
      'UNET_CONFIG_INVALID',
      '--stage none takes the release that each node has, so it has to be a directory or a tarball',
      { fatal: true, remedy: 'name its path with --release, or leave --stage at auto' },
    );
  }
  return reference;
}
