/** unet as the lab's ordinary user has it: a copy, since the checkout may be where only root can read, or below /tmp. */
import { cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Lab } from './lab/index.ts';

const CHECKOUT = join(import.meta.dirname, '../..');

/** Copies the built package to the shared home, or to `parent`; resolves with the path of its program. */
export async function installUnet(lab: Lab, parent = lab.user.home): Promise<string> {
  const directory = join(parent, 'unet');
  await mkdir(directory, { mode: 0o755 });
  for (const name of ['bin', 'dist', 'package.json']) {
    await cp(join(CHECKOUT, name), join(directory, name), { recursive: true });
  }
  await lab.run(lab.login, ['chmod', '-R', 'a+rX', directory], { user: 'root', cwd: '/' });
  return join(directory, 'bin', 'unet.js');
}
