/** What the supervisor takes out of a pack before any node is touched: that it is right, its release, its kubectl. */
import { chmod } from 'node:fs/promises';
import { UnetError } from '../errors.ts';
import type { EventBody } from '../events/types.ts';
import { ensurePrivateDirectory } from '../files/private-directory.ts';
import { createPrivateFile } from '../files/private-file.ts';
import type { JobPaths } from '../job/layout.ts';
import { ownArchitecture, sameArchitecture } from '../pack/architecture.ts';
import { invalidPack } from '../pack/errors.ts';
import type { PackMember } from '../pack/manifest.ts';
import { memberContent, openPack, type Pack, verifyMembers } from '../pack/reader.ts';
import { childEnvironment } from '../process/environment.ts';
import type { PackedRelease } from '../provision/pack-release.ts';
import type { Allocation } from '../scheduler/allocation.ts';

const TELL_MS = 500;
const OWNER_ONLY = 0o700;

export type PackOptions = {
  paths: JobPaths;
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
  emit: (event: EventBody) => void;
};

/** Where this is one of the nodes; the others say theirs when they greet. */
export function refuseOtherMachine({ path, manifest }: Pack, { self }: Allocation): void {
  if (self !== undefined) {
    sameArchitecture(`the pack ${path}`, manifest.architecture, self, ownArchitecture());
  }
}

/** Reads all of it. @throws UnetError UNET_PACK_…: nothing has been started by then. */
export async function verifyPack(path: string, { signal, emit }: PackOptions): Promise<Pack> {
  const pack = await openPack(path);
  const total = pack.manifest.members.reduce((sum, { bytes }) => sum + bytes, 0);
  let bytes = 0;
  let toldAt = performance.now();
  await verifyMembers(pack, {
    signal,
    onBytes: (count) => {
      bytes += count;
      if (bytes < total && performance.now() - toldAt > TELL_MS) {
        toldAt = performance.now();
        emit({ type: 'pack', path: pack.path, bytes, total });
      }
    },
  });
  emit({ type: 'pack', path: pack.path, bytes: total, total });
  return pack;
}

/** The release's tar, at the place where a packed release has it. */
export async function releaseOfPack(pack: Pack, options: PackOptions): Promise<PackedRelease> {
  const member = pack.manifest.members.find(({ kind }) => kind === 'release');
  if (member === undefined) {
    throw invalidPack(`${pack.path} has no release`);
  }
  await unpack(pack, member, options.paths.release, options);
  const { contentBytes: bytes, contentSha256: sha256 } = member;
  return { file: options.paths.release, bytes, sha256, description: pack.manifest.release.description };
}

/** kubectl, for the user's commands: into the job directory, with which it goes. */
export async function kubectlOfPack(pack: Pack, options: PackOptions): Promise<void> {
  const member = pack.manifest.members.find(({ kind }) => kind === 'kubectl');
  if (member !== undefined) {
    await ensurePrivateDirectory(options.paths.bin);
    await unpack(pack, member, options.paths.kubectl, options);
    await chmod(options.paths.kubectl, OWNER_ONLY);
  }
}

async function unpack(pack: Pack, member: PackMember, path: string, options: PackOptions): Promise<void> {
  const content = memberContent(pack, member, { env: childEnvironment(options.env), signal: options.signal });
  await createPrivateFile(path, async (file) => {
    for await (const chunk of content) {
      await file.appendFile(chunk);
    }
  }).catch((error: unknown) => {
    options.signal.throwIfAborted();
    throw UnetError.from(error);
  });
}
