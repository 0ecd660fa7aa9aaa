/** The rehearsal release that came with this unet. */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** It lies beside the bundle. */
export function rehearsalDirectory(): string {
  return join(dirname(fileURLToPath(import.meta.url)), 'rehearsal');
}

/** The same packed, as scripts/build.js does it. */
export function rehearsalArchive(directory: string): string {
  return `${directory}.tar`;
}
