/** Making a rename itself durable. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

/** Some network filesystems refuse to sync a directory; that is theirs to know. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, constants.O_RDONLY | constants.O_DIRECTORY).catch(() => undefined);
  await handle?.sync().catch(() => {});
  await handle?.close();
}
