/** A release, wherever it comes from, as one archive that every node gets. */
import { mkdir, mkdtemp, readdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { pathError } from '../files/path-error.ts';
import { removeTree } from '../files/remove-tree.ts';
import { checkSafeParent } from '../files/safe-path.ts';
import type { Environment } from '../process/environment.ts';
import { checkArchive, extractArchive, type WrittenArchive, writeArchive } from './archive.ts';
import { checkOut } from './git.ts';
import { checkMakefile } from './probe.ts';
import { type ReleaseReference, shownUrl } from './reference.ts';

export type PackOptions = {
  /** Path of the archive to write, 0600; its directory exists and is ours. */
  destination: string;
  /** The rehearsal release that came with unet. */
  rehearsalDir: string;
  env: Environment;
  /** Milliseconds for fetching, where something is to be fetched. */
  timeoutMs: number;
  signal?: AbortSignal | undefined;
};

export type PackedRelease = WrittenArchive & {
  /** For people: what was packed, with the commit where there is one. */
  description: string;
};

/**
 * Packs the release as a plain tar: the same content gives the same `sha256`, wherever and whenever it is packed.
 *
 * @throws UnetError UNET_RELEASE_INVALID, UNET_RELEASE_FETCH, UNET_TOOL_MISSING (git), or that of the destination.
 */
export async function packRelease(reference: ReleaseReference, options: PackOptions): Promise<PackedRelease> {
  const { rehearsalDir } = options;
  switch (reference.kind) {
    case 'rehearsal':
      return packDirectory(rehearsalDir, 'rehearsal', options);
    case 'directory':
      return packDirectory(reference.path, reference.path, options);
    case 'tarball':
      return packTarball(reference.path, options);
    case 'git':
      return packGit(reference, options);
  }
}

async function packDirectory(
  path: string,
  description: string,
  { destination, signal }: PackOptions,
): Promise<PackedRelease> {
  await checkMakefile(path);
  return { ...(await writeArchive(path, destination, { signal })), description };
}

async function packTarball(path: string, options: PackOptions): Promise<PackedRelease> {
  await checkArchive(path, { signal: options.signal });
  return inTemporaryDirectory(options.destination, async (temporary) => {
    await extractArchive(path, temporary);
    return packFound(await innermost(temporary), path, path, options);
  });
}

async function packGit(
  reference: { url: string; ref: string },
  options: PackOptions,
): Promise<PackedRelease> {
  const { url, ref } = reference;
  const shown = `${shownUrl(url)}#${ref}`;
  return inTemporaryDirectory(options.destination, async (temporary) => {
    const { directory, commit } = await checkOut(url, ref, temporary, options);
    return packFound(
      directory,
      shown,
      commit === ref ? shown : `${shown} (commit ${commit.slice(0, 12)})`,
      options,
    );
  });
}

async function packFound(
  root: string,
  shown: string,
  description: string,
  { destination, signal }: PackOptions,
): Promise<PackedRelease> {
  await checkMakefile(root, shown);
  return { ...(await writeArchive(root, destination, { shown, signal })), description };
}

/** Archives are usually made of one directory with the release in it. */
async function innermost(directory: string): Promise<string> {
  const entries = await readdir(directory, { withFileTypes: true });
  const [only] = entries;
  return entries.length === 1 && only?.isDirectory() ? join(directory, only.name) : directory;
}

/** Beside the destination, so that it is on the filesystem that was chosen for this. */
async function inTemporaryDirectory<T>(
  destination: string,
  action: (directory: string) => Promise<T>,
): Promise<T> {
  const parent = dirname(resolve(destination));
  let temporary: string;
  try {
    await checkSafeParent(parent);
    temporary = await mkdtemp(join(parent, `.${basename(destination)}-`));
    await mkdir(join(temporary, 'in'));
  } catch (error) {
    throw pathError(error, 'write to', parent);
  }
  try {
    return await action(join(temporary, 'in'));
  } catch (error) {
    throw pathError(error, 'write to', parent);
  } finally {
    await removeTree(temporary, { beneath: parent });
  }
}
