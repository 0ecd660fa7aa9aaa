/** A release, wherever it comes from, as one archive that every node gets. */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import which from 'which';
import { errnoOf, UnetError } from '../errors.ts';
import { pathError } from '../files/path-error.ts';
import { createPrivateFile } from '../files/private-file.ts';
import { removeTree } from '../files/remove-tree.ts';
import { checkSafeParent } from '../files/safe-path.ts';
import { type Environment, searchPath } from '../process/environment.ts';
import { toolMissing } from '../process/run.ts';
import type { WrittenArchive } from './archive.ts';
import { checkOut } from './git.ts';
import { mirrored } from './mirror.ts';
import { type Pin, pinOf, UPSTREAM } from './pins.ts';
import { checkMakefile } from './probe.ts';
import { type LocalReference, type RemoteReference, referenceText, shownUrl } from './reference.ts';
import { rehearsalArchive } from './rehearsal-directory.ts';
import type { Workspace } from './workspace.ts';

export type PackOptions = {
  /** Path of the archive to write, 0600; its directory exists and is ours. */
  destination: string;
  /** The rehearsal release that came with unet. */
  rehearsalDir: string;
  env: Environment;
  /** Milliseconds for fetching, where something is to be fetched. */
  timeoutMs: number;
  signal?: AbortSignal | undefined;
  /** FROM=TO for URLs. */
  mirrors?: readonly string[];
  /** Where clones and unpacked archives go; default: beside the destination. */
  workspace?: Workspace;
};

export type PackedRelease = WrittenArchive & {
  /** For people: what was packed, with the commit where there is one. */
  description: string;
  /** Of a clone. */
  commit?: string;
  /** What was fetched is a branch: tomorrow it is something else. */
  isBranch?: boolean;
};

/**
 * Packs the release as a plain tar: the same content gives the same `sha256`, wherever and whenever it is packed.
 *
 * What is pinned must be what it was pinned as.
 *
 * @throws UnetError UNET_RELEASE_INVALID, UNET_RELEASE_FETCH, UNET_RELEASE_CHECKSUM, UNET_TOOL_MISSING (git), or that of
 *   the destination.
 */
export async function packRelease(
  reference: LocalReference | RemoteReference,
  options: PackOptions,
): Promise<PackedRelease> {
  const { rehearsalDir } = options;
  switch (reference.kind) {
    case 'rehearsal':
      return takeRehearsal(rehearsalDir, options);
    case 'directory':
      return packDirectory(reference.path, reference.path, options);
    case 'tarball':
      return packTarball(reference.path, options);
    case 'git':
      return packGit(reference, options);
    case 'download':
      return packDownload(reference, options);
  }
}

/** As it was packed when unet was built; from its directory where only that was built. */
async function takeRehearsal(directory: string, options: PackOptions): Promise<PackedRelease> {
  const { destination } = options;
  const packed = await readFile(rehearsalArchive(directory)).catch((error: unknown) => {
    if (errnoOf(error) !== 'ENOENT') {
      throw error;
    }
  });
  if (packed === undefined) {
    return packDirectory(directory, 'rehearsal', options);
  }
  await createPrivateFile(destination, (file) => file.writeFile(packed), { durable: false });
  const sha256 = createHash('sha256').update(packed).digest('hex');
  return { file: destination, sha256, bytes: packed.length, description: 'rehearsal' };
}

async function packDirectory(
  path: string,
  description: string,
  { destination, signal }: PackOptions,
): Promise<PackedRelease> {
  await checkMakefile(path);
  const { writeArchive } = await loadArchive();
  return { ...(await writeArchive(path, destination, { signal })), description };
}

async function packTarball(path: string, options: PackOptions): Promise<PackedRelease> {
  return inWorkspace(options, (temporary) => unpackAndPack(path, path, temporary, options));
}

/** @param shown how the archive is called. */
async function unpackAndPack(
  archive: string,
  shown: string,
  temporary: string,
  options: PackOptions,
): Promise<PackedRelease> {
  const { checkArchive, extractArchive } = await loadArchive();
  await checkArchive(archive, { shown, signal: options.signal });
  const tree = join(temporary, 'tree');
  await mkdir(tree);
  await extractArchive(archive, tree, shown);
  return packFound(await innermost(tree), shown, shown, options);
}

async function packGit(
  reference: { url: string; ref: string },
  options: PackOptions,
): Promise<PackedRelease> {
  const { url, ref } = reference;
  const pin = pinOf(url, ref);
  const shown = `${shownUrl(url)}#${ref}`;
  return inWorkspace(options, async (temporary) => {
    if (!(await hasGit(options.env))) {
      return packWithoutGit(pin, temporary, options);
    }
    const source = mirrored(url, options.mirrors ?? []);
    // A moved tag cannot take the place of a pinned one, and a commit is a commit.
    const { directory, commit, isBranch } = await checkOut(source, ref, temporary, options);
    if (pin !== undefined && commit !== pin.commit) {
      throw notPinned(`${shown} is commit ${commit.slice(0, 12)} at ${shownUrl(source)}`, pin);
    }
    const description = commit === ref ? shown : `${shown} (commit ${commit.slice(0, 12)})`;
    const packed = await packFound(directory, shown, description, options);
    return { ...checkPin(packed, pin), commit, isBranch };
  });
}

/** A pinned release as GitHub's archive of its commit: it has no commit id that could be checked, but the same tree. */
async function packWithoutGit(
  pin: Pin | undefined,
  temporary: string,
  options: PackOptions,
): Promise<PackedRelease> {
  if (pin === undefined) {
    const { message, details } = toolMissing('git');
    throw new UnetError(
      'UNET_TOOL_MISSING',
      `${message}, and unet does not know a checksum for this release`,
      {
        ...details,
        remedy: 'install git, choose one of "unet releases", or give a tarball’s URL with #sha256=',
      },
    );
  }
  const url = mirrored(`${UPSTREAM}/archive/${pin.commit}.tar.gz`, options.mirrors ?? []);
  const archive = join(temporary, 'archive.tar.gz');
  await fetchFile(url, archive, options);
  const packed = await unpackAndPack(archive, shownUrl(url), temporary, options);
  return { ...checkPin(packed, pin), commit: pin.commit };
}

async function packDownload(
  reference: { kind: 'download'; url: string; sha256: string },
  options: PackOptions,
): Promise<PackedRelease> {
  const url = mirrored(reference.url, options.mirrors ?? []);
  return inWorkspace(options, async (temporary) => {
    const archive = join(temporary, 'archive.tar.gz');
    const sha256 = await fetchFile(url, archive, options);
    if (sha256 !== reference.sha256) {
      throw new UnetError(
        'UNET_RELEASE_CHECKSUM',
        `${shownUrl(url)} has the checksum ${sha256}, not ${reference.sha256}`,
        {
          fatal: true,
          remedy:
            'the file is not the one the checksum was computed from: find out which of the two is right',
        },
      );
    }
    const shown = referenceText(reference);
    return unpackAndPack(archive, shown, temporary, options);
  });
}

function checkPin(packed: PackedRelease, pin: Pin | undefined): PackedRelease {
  if (pin !== undefined && packed.sha256 !== pin.sha256) {
    throw notPinned(`${packed.description} has the tree ${packed.sha256}`, pin);
  }
  return packed;
}

function notPinned(what: string, { tag, commit, sha256 }: Pin): UnetError {
  return new UnetError(
    'UNET_RELEASE_CHECKSUM',
    `${what}, but ${tag} is pinned as commit ${commit.slice(0, 12)} with the tree ${sha256.slice(0, 12)}`,
    {
      fatal: true,
      remedy: 'the tag was moved, or the mirror serves different content: find out which before you use it',
    },
  );
}

/** Loaded when it is needed: a release out of the cache is packed already. */
function loadArchive(): Promise<typeof import('./archive.ts')> {
  return import('./archive.ts');
}

/** Loaded when it is needed: it is in the bundle of every agent, and no agent downloads. */
async function fetchFile(url: string, destination: string, options: PackOptions): Promise<string> {
  const { download } = await import('./download.ts');
  return download(url, destination, options);
}

async function hasGit(env: Environment): Promise<boolean> {
  return (await which('git', { path: searchPath(env), nothrow: true })) !== null;
}

async function packFound(
  root: string,
  shown: string,
  description: string,
  { destination, signal }: PackOptions,
): Promise<PackedRelease> {
  await checkMakefile(root, shown);
  const { writeArchive } = await loadArchive();
  return { ...(await writeArchive(root, destination, { shown, signal })), description };
}

/** Archives are usually made of one directory with the release in it. */
async function innermost(directory: string): Promise<string> {
  const entries = await readdir(directory, { withFileTypes: true });
  const [only] = entries;
  return entries.length === 1 && only?.isDirectory() ? join(directory, only.name) : directory;
}

async function inWorkspace<T>(
  { workspace, destination }: PackOptions,
  action: (directory: string) => Promise<T>,
): Promise<T> {
  return workspace === undefined ? inTemporaryDirectory(destination, action) : workspace(action);
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
