/** Images on their way into a container engine, as a stream: no uncompressed copy of them is needed. */
import { UnetError } from '../errors.ts';
import { pipeInto } from '../process/pipe.ts';
import type { Engine } from './engine.ts';
import type { ImageOptions } from './images.ts';

const NO_SPACE = /no space left on device|disk quota exceeded/i;

/**
 * Loads an archive of images. The engine passes over layers that it has. When the archive fails, because it is damaged or
 * because of `signal`, the engine does not see its end, and keeps nothing of the image.
 *
 * @throws UnetError UNET_IMAGE_LOAD or UNET_DISK_FULL with the engine's last lines; what the archive throws.
 */
export async function loadImageStream(
  engine: Pick<Engine, 'command'>,
  archive: AsyncIterable<Uint8Array>,
  { env, timeoutMs, signal, shown }: ImageOptions & { shown: string },
): Promise<void> {
  try {
    await pipeInto([...engine.command, 'load'], { env, timeoutMs, signal, input: archive });
  } catch (error) {
    signal?.throwIfAborted();
    if (!UnetError.is(error) || (error.code !== 'UNET_STEP_FAILED' && error.code !== 'UNET_STEP_TIMEOUT')) {
      throw error;
    }
    const full = NO_SPACE.test((error.details.tail ?? []).join('\n'));
    throw new UnetError(
      full ? 'UNET_DISK_FULL' : 'UNET_IMAGE_LOAD',
      `${shown} could not be loaded: ${error.message}`,
      {
        fatal: true,
        cause: error,
        tail: error.details.tail,
        remedy: full
          ? 'free space where the engine keeps its images and where it unpacks them (podman: /var/tmp, or TMPDIR)'
          : 'run "unet pack verify", and try to load it manually on that node',
      },
    );
  }
}
