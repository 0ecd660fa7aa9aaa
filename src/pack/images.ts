/** The images of a pack: out of archives, out of the container engine, or built. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { buildNodeImage } from '../engine/build-image.ts';
import { builtImage } from '../engine/compose.ts';
import { detectEngine } from '../engine/detect.ts';
import type { Engine } from '../engine/engine.ts';
import { hasImage, imageId, pullImage } from '../engine/images.ts';
import { imageSize } from '../engine/save-image.ts';
import { UnetError } from '../errors.ts';
import type { CreateOptions } from './options.ts';
import { imageFileSource, imageNameSource, imagePath, type MemberSource } from './source.ts';

export type ImageFinder = {
  nodeImage: () => Promise<MemberSource>;
  /** The image at that place of the list. */
  image: (index: number) => Promise<MemberSource>;
};

const NODE_IMAGE = { path: 'node-image.tar', kind: 'node-image' } as const;
// What cannot be the name of an image, or hardly is.
const LIKE_A_PATH = /^[./~]|\.tar(\.\w+)?$/;
const DETECT_TIMEOUT_MS = 60_000;

/** Before anything is fetched or built. @throws UnetError UNET_IMAGE_NOT_FOUND for a path with nothing there. */
export function refuseMissingArchives({ images, nodeImage, cwd }: CreateOptions): void {
  const words = nodeImage === undefined ? images : [...images, nodeImage];
  const missing = words.find((word) => LIKE_A_PATH.test(word) && !existsSync(resolve(cwd, word)));
  if (missing !== undefined) {
    throw new UnetError('UNET_IMAGE_NOT_FOUND', `there is no image archive ${resolve(cwd, missing)}`, {
      fatal: true,
    });
  }
}

/** An engine is looked for only when one is needed: with archives alone a pack can be made anywhere. */
export function createImageFinder(
  options: CreateOptions,
  release: { stage: string; project: string; sha256: string },
): ImageFinder {
  const { cwd, onEvent, signal, env } = options;
  const engineOptions = { env, timeoutMs: options.timeouts.image, signal };
  let detected: Promise<Engine> | undefined;
  const engine = () => {
    detected ??= detectEngine(release.stage, {
      engine: options.engine,
      compose: options.compose,
      composeNeeded: options.nodeImage === undefined,
      env,
      timeoutMs: DETECT_TIMEOUT_MS,
      signal,
    });
    return detected;
  };

  const named = async (name: string, member: Pick<MemberSource, 'path' | 'kind'>) => {
    const found = await engine();
    const id = await imageId(found, name, engineOptions);
    if (id === undefined) {
      throw new UnetError('UNET_IMAGE_MISSING', `${found.name} cannot find the image ${name}`);
    }
    const size = await imageSize(found, name, engineOptions);
    return imageNameSource({ engine: found, name, id, size }, member, engineOptions);
  };

  const find = async (wanted: string, member: Pick<MemberSource, 'path' | 'kind'>): Promise<MemberSource> => {
    const file = resolve(cwd, wanted);
    if (existsSync(file)) {
      return imageFileSource(file, member, engineOptions);
    }
    if (!(await hasImage(await engine(), wanted, engineOptions))) {
      onEvent({ type: 'step', message: `pulling ${wanted}` });
      await pullImage(await engine(), wanted, engineOptions);
    }
    return named(wanted, member);
  };

  const built = async (): Promise<MemberSource> => {
    const found = await engine();
    const name = builtImage(release.sha256);
    if (await hasImage(found, name, engineOptions)) {
      onEvent({ type: 'step', message: `the node image ${name} is already built` });
    } else {
      onEvent({ type: 'step', message: `building the node image ${name} with ${found.name}` });
      const { stage, project } = release;
      await buildNodeImage(found, { ...engineOptions, stage, name, project });
    }
    return named(name, NODE_IMAGE);
  };

  return {
    nodeImage: () => (options.nodeImage === undefined ? built() : find(options.nodeImage, NODE_IMAGE)),
    image: (index) => {
      const wanted = options.images[index] ?? '';
      return find(wanted, { path: imagePath(index, wanted), kind: 'image' });
    },
  };
}
