/** `flux kube`: a file in a directory where flux(1) looks for its commands. */
import { access, chmod, constants, lstat, mkdir, readFile, realpath, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, UnetError } from '../../errors.ts';
import { shellQuote } from '../../process/quote.ts';
import { frobnicatorPath } from './instance.ts';

const NAME = 'flux-kube';
const MARK = '# flux kube: made by unet kube install-flux';

/**
 * Writes `flux-kube` into `directory`, or into the first one of FLUX_EXEC_PATH that can be written; its path.
 *
 * @throws UnetError UNET_USAGE without a directory, UNET_FOREIGN_FILE where a flux-kube is that is not ours
 */
export async function installFluxCommand(
  directory: string | undefined,
  env: NodeJS.ProcessEnv,
  unet: readonly string[],
): Promise<string> {
  const place = directory ?? (await firstWritable(env.FLUX_EXEC_PATH ?? ''));
  await mkdir(place, { recursive: true });
  const path = join(place, NAME);
  const there = await lstat(path).catch(() => undefined);
  if (there !== undefined && (!there.isFile() || !(await readFile(path, 'utf8')).includes(MARK))) {
    throw new UnetError('UNET_FOREIGN_FILE', `${path} is there, and is not unet’s`, {
      remedy: 'move it away, or name another directory',
    });
  }
  const [node = '', program = ''] = unet;
  const command = [node, await realpath(program)].map(shellQuote).join(' ');
  await writeFile(path, `#!/bin/sh\n${MARK}\nUNET_KUBE_AS_FLUX=1 exec ${command} kube "$@"\n`);
  await chmod(path, 0o755);
  return path;
}

/** What an administrator adds to a system instance's configuration, as TOML: see flux-config-ingest(5), flux-config-job-manager(5). */
export function configuration(): string[] {
  return [
    '[ingest.frobnicator]',
    `plugins = [ "defaults", "constraints", ${JSON.stringify(frobnicatorPath())} ]`,
    '',
    '[job-manager]',
    'plugins = [ { load = "alloc-bypass.so" } ]',
  ];
}

async function firstWritable(path: string): Promise<string> {
  for (const directory of path.split(':').filter((one) => one !== '')) {
    try {
      await access(directory, constants.W_OK);
      return directory;
    } catch (error) {
      if (errnoOf(error) === undefined) {
        throw error;
      }
    }
  }
  throw new UnetError('UNET_USAGE', 'no directory of FLUX_EXEC_PATH can be written', {
    remedy: 'unet kube install-flux ~/.local/libexec/flux, and add that to FLUX_EXEC_PATH in ~/.bashrc',
  });
}
