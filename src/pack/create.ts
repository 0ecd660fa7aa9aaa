/** Making a pack, top to bottom: the release, kubectl, the node image, other images, and a manifest in front of them. */
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { withUsableRuntimeDirectory } from '../engine/storage.ts';
import { UnetError } from '../errors.ts';
import { removeTree } from '../files/remove-tree.ts';
import { temporaryDirectory } from '../files/temporary.ts';
import type { PackedRelease } from '../provision/pack-release.ts';
import { provisionRelease } from '../provision/provision.ts';
import { parseReleaseReference, type ReleaseReference, referenceText } from '../provision/reference.ts';
import { stageRelease } from '../provision/stage.ts';
import { ownArchitecture, sameArchitecture } from './architecture.ts';
import { bestCompression, compress } from './compression.ts';
import { tallied } from './hashing.ts';
import { createImageFinder, refuseMissingArchives } from './images.ts';
import { findKubectl, type Kubectl } from './kubectl.ts';
import {
  type Compression,
  PACK_VERSION,
  type PackedImage,
  type PackManifest,
  type PackMember,
} from './manifest.ts';
import type { CreateOptions } from './options.ts';
import { PartialPack } from './partial.ts';
import { type ReleaseFacts, readReleaseFacts } from './release-facts.ts';
import { fileSource, type MemberSource } from './source.ts';

export type CreatedPack = { file: string; bytes: number; manifest: PackManifest };

// Progress is shown ten times a second; images move some hundred megabytes in one.
const PROGRESS_BYTES = 4 * 1024 * 1024;
// For who unpacks a pack with tar.
const SUFFIXES: Record<Compression, string> = { none: '', gzip: '.gz', zstd: '.zst' };

/**
 * Writes the pack to `DESTINATION.partial` and gives it its name when it is whole. What an interrupted run has finished of
 * the same is not made again.
 *
 * @throws UnetError of each part; nothing that a later run would take for whole is left.
 */
export async function createPack(given: CreateOptions): Promise<CreatedPack> {
  const options = { ...given, env: await withUsableRuntimeDirectory(given.env) };
  const { destination, env, signal, onEvent } = options;
  const reference = parseReleaseReference(options.release, options.cwd);
  refuseMissingArchives(options);
  const temporary = await mkdtemp(join(temporaryDirectory(), 'unet-pack-'));
  try {
    const partial = await PartialPack.open(destination);
    try {
      onEvent({ type: 'step', message: `fetching the release ${referenceText(reference)}` });
      const release = await provisionRelease(reference, {
        ...options.provision,
        destination: join(temporary, 'release.tar'),
        rehearsalDir: options.rehearsalDir,
        env,
        timeoutMs: options.timeouts.stage,
        signal: signal ?? new AbortController().signal,
      });
      const stage = join(temporary, projectName(release));
      await stageRelease({ source: release.file, sha256: release.sha256, destination: stage, signal });
      const facts = await readReleaseFacts(stage, release.sha256);
      const kubectl = await findKubectl({ wanted: options.kubectl, cwd: options.cwd, env, signal });
      const compression = options.compression ?? (await bestCompression(env));
      const members: PackMember[] = [];
      for await (const source of sources(options, { reference, release, stage, facts, kubectl })) {
        members.push(await addMember(partial, source, compression, options));
        checkArchitectures(members, kubectl);
      }
      const manifest = describePack(options, { reference, release, facts, members });
      const bytes = await partial.finish(manifest);
      return { file: destination, bytes, manifest };
    } finally {
      await partial.close();
    }
  } finally {
    await removeTree(temporary, { beneath: temporaryDirectory() });
  }
}

type Found = {
  reference: ReleaseReference;
  release: PackedRelease;
  /** The unpacked release. */
  stage: string;
  facts: ReleaseFacts;
  kubectl: Kubectl | undefined;
};

/** Of compose, also as the name of its directory: not every podman-compose takes it from COMPOSE_PROJECT_NAME. */
function projectName({ sha256 }: PackedRelease): string {
  return `unet-pack-${sha256.slice(0, 12)}`;
}

/** One after the other, so that what is built or pulled for a later one does not hold up an earlier one. */
async function* sources(options: CreateOptions, found: Found): AsyncGenerator<MemberSource> {
  const { release, stage, facts, kubectl } = found;
  const licence = found.reference.kind === 'rehearsal' ? 'MIT' : facts.licence;
  const kept = { ...(licence === undefined ? {} : { licence }), version: release.description.slice(0, 100) };
  const member = await fileSource(release.file, { path: 'release.tar', kind: 'release', mode: 0o644 }, kept);
  // Its file is new each time, its content may be the same.
  yield { ...member, key: release.sha256 };
  if (kubectl !== undefined) {
    yield kubectl.source;
  } else if (options.kubectl !== 'none') {
    options.onEvent({
      type: 'warning',
      message: 'kubectl was not found on PATH, so the pack has none; add one with --kubectl FILE',
    });
  }
  const images = createImageFinder(options, { stage, project: projectName(release), sha256: release.sha256 });
  yield await images.nodeImage();
  if (options.images.length === 0 && found.reference.kind !== 'rehearsal') {
    options.onEvent({
      type: 'warning',
      message:
        'the pack has only the node image; for nodes without internet access, add the CNI’s images with --images',
    });
  }
  for (const index of options.images.keys()) {
    yield await images.image(index);
  }
}

async function addMember(
  partial: PartialPack,
  source: MemberSource,
  compression: Compression,
  options: CreateOptions,
): Promise<PackMember> {
  const { onEvent } = options;
  const { kind, total } = source;
  const path = `${source.path}${SUFFIXES[compression]}`;
  const started = performance.now();
  const ms = () => Math.round(performance.now() - started);
  const plan = { path, key: `${kind} ${compression} ${source.key}` };
  const kept = partial.kept(plan);
  if (kept !== undefined) {
    onEvent({ type: 'member', state: 'kept', path, member: kept, ms: ms() });
    return kept;
  }
  onEvent({ type: 'member', state: 'started', path, bytes: 0, total });
  let read = 0;
  let told = 0;
  const { bytes, facts } = source.open();
  const content = tallied(bytes, (count) => {
    options.signal?.throwIfAborted();
    read += count;
    if (read - told >= PROGRESS_BYTES) {
      told = read;
      onEvent({ type: 'member', state: 'progress', path, bytes: read, total });
    }
  });
  const member = await partial.add(
    plan,
    compress(compression, content.bytes, options),
    source.mode,
    (stored) => {
      const { bytes: contentBytes, sha256: contentSha256 } = content.tally();
      const described: PackMember = {
        path,
        kind,
        ...stored,
        compression,
        contentBytes,
        contentSha256,
        ...facts(),
      };
      checkImages(described);
      return described;
    },
  );
  onEvent({ type: 'member', state: 'done', path, member, ms: ms() });
  return member;
}

/** The node is started by its image's name, so it needs one; and one alone, to know which it is. */
function checkImages({ kind, path, images = [] }: PackMember): void {
  if (kind === 'node-image' && (images.length !== 1 || images[0]?.names.length === 0)) {
    throw new UnetError(
      'UNET_IMAGE_INVALID',
      images.length === 1
        ? `the node image (${path}) has no name in its archive`
        : `${path} has ${images.length} images`,
      { fatal: true, remedy: 'save one image by its name: podman save NAME' },
    );
  }
}

function describePack(
  options: CreateOptions,
  { reference, release, facts, members }: Omit<Found, 'stage' | 'kubectl'> & { members: PackMember[] },
): PackManifest {
  return {
    format: 'unet-pack',
    version: PACK_VERSION,
    created: new Date().toISOString(),
    unet: options.unet,
    architecture: imagesOf(members)[0]?.architecture ?? ownArchitecture(),
    release: {
      reference: referenceText(reference),
      description: release.description,
      sha256: release.sha256,
    },
    ...(facts.kubernetes === undefined ? {} : { kubernetes: facts.kubernetes }),
    members,
  };
}

/** All for the machine that the node image is for. */
function checkArchitectures(members: readonly PackMember[], kubectl: Kubectl | undefined): void {
  const [node, ...others] = imagesOf(members);
  for (const { names, id, architecture } of node === undefined ? [] : others) {
    sameArchitecture(`the image ${names[0] ?? id}`, architecture, 'the node image', node?.architecture ?? '');
  }
  if (node !== undefined && kubectl?.architecture !== undefined) {
    sameArchitecture(
      `the kubectl ${kubectl.file}`,
      kubectl.architecture,
      'the node image',
      node.architecture,
    );
  }
}

function imagesOf(members: readonly PackMember[]): PackedImage[] {
  return members.flatMap((member) => member.images ?? []);
}
