/** Whether there is something at a path that may be looked at. */
import { access } from 'node:fs/promises';

export async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
