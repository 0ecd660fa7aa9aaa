/** The release that this node has itself (--stage none): baked into its image, or in a directory of the site. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { UnetError } from '../errors.ts';
import { childEnvironment } from '../process/environment.ts';
import type { OwnRelease } from '../protocol/to-agents.ts';
import { packRelease } from '../provision/pack-release.ts';
import { rehearsalDirectory } from '../provision/rehearsal-directory.ts';
import type { NodeContext } from './context.ts';

/**
 * Packs it into this node's own directory, where the same content gives the same checksum as on every other node.
 *
 * @throws UnetError UNET_RELEASE_NOT_FOUND, UNET_RELEASE_CHECKSUM when it is another one than the supervisor's.
 */
export async function packOwnRelease(
  own: OwnRelease,
  sha256: string,
  { directory, env, spec, node }: Pick<NodeContext, 'directory' | 'env' | 'spec' | 'node'>,
  signal: AbortSignal,
): Promise<string> {
  const place = own.kind === 'rehearsal' ? rehearsalDirectory() : own.path;
  const remedy = `put it there on every node, or let unet send it: --stage auto`;
  if (!existsSync(place)) {
    throw new UnetError(
      'UNET_RELEASE_NOT_FOUND',
      `there is no release ${place}, and --stage none sends none`,
      {
        node,
        fatal: true,
        remedy,
        exitCode: 3,
      },
    );
  }
  const destination = join(directory, 'release.tar');
  const packed = await packRelease(own, {
    destination,
    rehearsalDir: rehearsalDirectory(),
    env: childEnvironment(env),
    timeoutMs: spec.stepTimeouts.stage,
    signal,
  });
  if (packed.sha256 !== sha256) {
    throw new UnetError(
      'UNET_RELEASE_CHECKSUM',
      `the release ${place} is not the one that the others have: its checksum is ${packed.sha256}, not ${sha256}`,
      { node, fatal: true, remedy },
    );
  }
  return destination;
}
