/** What can be wrong with a pack. */
import { UnetError } from '../errors.ts';

/** It is none, or not whole. */
export function invalidPack(message: string, cause?: unknown): UnetError {
  return new UnetError('UNET_PACK_INVALID', message, {
    cause,
    fatal: true,
    remedy: 'copy it again, or create a new one with unet pack',
  });
}

/** Its bytes are not those that were packed. */
export function damagedPack(message: string): UnetError {
  return new UnetError('UNET_PACK_CHECKSUM', message, {
    fatal: true,
    remedy:
      'it was changed or damaged after it was created: copy it again, or create a new one with unet pack',
  });
}
