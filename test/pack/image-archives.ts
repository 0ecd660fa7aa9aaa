/** Image archives as docker and podman save them, made up here. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { create } from 'tar';

export type MadeImage = { name?: string; architecture?: string; licence?: string; bytes?: number };

export function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/** Writes `docker save`'s archive of these images to `file`; their ids. */
export async function dockerArchive(file: string, ...images: MadeImage[]): Promise<string[]> {
  const made = images.map(configOf);
  const files: Record<string, string | Uint8Array> = {
    'manifest.json': JSON.stringify(
      made.map(({ config, name }, index) => ({
        Config: `${sha256(config)}.json`,
        RepoTags: name === undefined ? null : [name],
        Layers: [`${index}/layer.tar`],
      })),
    ),
  };
  made.forEach(({ config, layer }, index) => {
    files[`${sha256(config)}.json`] = config;
    files[`${index}/layer.tar`] = layer;
  });
  // As podman does: the manifest comes last.
  await archive(file, files, (a, b) => Number(a === 'manifest.json') - Number(b === 'manifest.json'));
  return made.map(({ config }) => `sha256:${sha256(config)}`);
}

/** The same as an OCI layout without docker's manifest, as skopeo writes oci-archive. */
export async function ociArchive(file: string, image: MadeImage): Promise<string> {
  const { config, layer, name = 'x' } = configOf(image);
  const descriptor = (data: string | Uint8Array) => ({ digest: `sha256:${sha256(data)}`, size: data.length });
  const manifest = JSON.stringify({ config: descriptor(config), layers: [descriptor(layer)] });
  const index = {
    manifests: [{ ...descriptor(manifest), annotations: { 'org.opencontainers.image.ref.name': name } }],
  };
  const blobs = [config, layer, manifest].map((data) => [`blobs/sha256/${sha256(data)}`, data]);
  await archive(file, { 'index.json': JSON.stringify(index), ...Object.fromEntries(blobs) });
  return `sha256:${sha256(config)}`;
}

function configOf({ name, architecture = 'amd64', licence, bytes = 2000 }: MadeImage) {
  const layer = randomBytes(bytes);
  const Labels = licence === undefined ? null : { 'org.opencontainers.image.licenses': licence };
  const config = JSON.stringify({
    architecture,
    os: 'linux',
    config: { Labels },
    rootfs: { type: 'layers', diff_ids: [`sha256:${sha256(layer)}`] },
  });
  return { config, layer, name };
}

async function archive(
  file: string,
  files: Record<string, string | Uint8Array>,
  order: (a: string, b: string) => number = () => 0,
): Promise<void> {
  const root = await mkdtemp(join(dirname(file), 'archive-'));
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  }
  await create({ file, cwd: root, portable: true }, Object.keys(files).sort(order));
}

/** All of a file or stream. */
export async function bytesOf(input: AsyncIterable<Uint8Array> | string): Promise<Buffer> {
  if (typeof input === 'string') {
    return readFile(input);
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of input) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
