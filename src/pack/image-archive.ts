/** What is in an image archive, read while it goes by: as `save` of docker, podman and nerdctl write it, or an OCI layout. */
import { createHash } from 'node:crypto';
import { Parser, type ReadEntry } from 'tar';
import * as z from 'zod';
import { UnetError } from '../errors.ts';
import type { Bytes } from './compression.ts';
import type { PackedImage } from './manifest.ts';

export type ImageArchive = {
  images: PackedImage[];
  /** The label org.opencontainers.image.licenses, where all images say the same. */
  licence: string | undefined;
};

// Configurations and manifests have some kilobytes; layers of that size may be taken for them, within bounds.
const MAX_DOCUMENT_BYTES = 1024 * 1024;
const MAX_DOCUMENTS_BYTES = 16 * 1024 * 1024;
const LICENCE = 'org.opencontainers.image.licenses';
const NAME_ANNOTATIONS = ['io.containerd.image.name', 'org.opencontainers.image.ref.name'];

const Digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);
/** https://github.com/moby/docker-image-spec, "Combined Image JSON + Filesystem Changeset Format". */
const DockerManifest = z.array(
  z.object({ Config: z.string(), RepoTags: z.array(z.string()).nullish(), Layers: z.array(z.string()) }),
);
/** https://github.com/opencontainers/image-spec: image-layout.md, image-index.md, manifest.md, config.md. */
const Descriptor = z.object({
  digest: Digest,
  annotations: z.record(z.string(), z.string()).optional(),
  platform: z.object({ architecture: z.string() }).optional(),
});
const OciIndex = z.object({ manifests: z.array(Descriptor) });
const OciManifest = z.object({ config: Descriptor, layers: z.array(Descriptor) });
const ImageConfig = z.object({
  architecture: z.string().max(30),
  config: z.object({ Labels: z.record(z.string(), z.string()).nullish() }).nullish(),
});

/**
 * Passes an archive on as it is, and tells at its end what is in it.
 *
 * @param shown how the archive is called in errors.
 */
export function watchImageArchive(
  input: Bytes,
  shown: string,
): { bytes: Bytes; archive: () => ImageArchive } {
  const documents = new Map<string, Buffer>();
  let kept = 0;
  const keep = (entry: ReadEntry) => {
    const fits = entry.type === 'File' && entry.size <= MAX_DOCUMENT_BYTES;
    if (!fits || kept + entry.size > MAX_DOCUMENTS_BYTES) {
      entry.resume();
      return;
    }
    const chunks: Buffer[] = [];
    entry.on('data', (chunk) => void chunks.push(chunk as Buffer));
    entry.on('end', () => {
      const document = Buffer.concat(chunks);
      if (document[0] === 0x7b || document[0] === 0x5b) {
        kept += document.length;
        documents.set(entry.path.replace(/^\.\//, ''), document);
      }
    });
  };
  return {
    bytes: parsed(input, keep, shown),
    archive: () => describeArchive(documents, shown),
  };
}

async function* parsed(input: Bytes, onEntry: (entry: ReadEntry) => void, shown: string): Bytes {
  let failure: unknown;
  const parser = new Parser({ strict: true, onReadEntry: onEntry });
  parser.on('error', (error) => {
    failure ??= error;
  });
  const ended = new Promise<void>((resolve) => {
    parser.on('end', resolve);
    parser.on('error', () => resolve());
  });
  const check = () => {
    if (failure !== undefined) {
      throw notAnImage(shown, failure);
    }
  };
  for await (const chunk of input) {
    if (
      !parser.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)) &&
      failure === undefined
    ) {
      await new Promise<void>((resolve) => {
        parser.once('drain', resolve);
        parser.once('error', () => resolve());
      });
    }
    check();
    yield chunk;
  }
  parser.end();
  await ended;
  check();
}

function describeArchive(documents: ReadonlyMap<string, Buffer>, shown: string): ImageArchive {
  const read = <T>(path: string, schema: z.ZodType<T>): T => {
    const document = documents.get(path);
    if (document === undefined) {
      throw notAnImage(shown, new Error(`it has no ${path}`));
    }
    try {
      return schema.parse(JSON.parse(document.toString('utf8')));
    } catch (error) {
      throw notAnImage(shown, error);
    }
  };
  // docker save writes both since version 25; the older one has the names as they were given.
  const found = documents.has('manifest.json')
    ? read('manifest.json', DockerManifest).map(({ Config, RepoTags, Layers }) => ({
        config: Config,
        names: RepoTags ?? [],
        layers: Layers.length,
      }))
    : read('index.json', OciIndex).manifests.map(({ digest, annotations = {} }) => {
        const { config, layers } = read(blobPath(digest), OciManifest);
        const name = NAME_ANNOTATIONS.map((key) => annotations[key]).find((text) => text !== undefined);
        return {
          config: blobPath(config.digest),
          names: name === undefined ? [] : [name],
          layers: layers.length,
        };
      });
  const described = found.map(({ config, names, layers }) => {
    const { architecture, config: settings } = read(config, ImageConfig);
    // Its digest, whatever the file is called.
    const id = `sha256:${createHash('sha256')
      .update(documents.get(config) ?? '')
      .digest('hex')}`;
    return { image: { names, id, architecture, layers }, licence: settings?.Labels?.[LICENCE] };
  });
  if (described.length === 0) {
    throw notAnImage(shown, new Error('it has no image'));
  }
  const licences = new Set(described.map(({ licence }) => licence));
  return {
    images: described.map(({ image }) => image),
    licence: licences.size === 1 ? [...licences][0] : undefined,
  };
}

function blobPath(digest: string): string {
  return `blobs/${digest.replace(':', '/')}`;
}

function notAnImage(shown: string, cause: unknown): UnetError {
  const reason =
    cause instanceof z.ZodError ? 'its JSON does not describe an image' : String((cause as Error).message);
  return new UnetError('UNET_IMAGE_INVALID', `${shown} is not an image archive: ${reason}`, {
    cause,
    fatal: true,
    remedy: 'give an archive written by "podman save" or "docker save", or the name of an image',
  });
}
