/** Whether the pack is the one that was asked for; looked at by the command, before there is a supervisor. */
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import type { Settings } from '../config/schema.ts';
import { UnetError } from '../errors.ts';
import { removeTree } from '../files/remove-tree.ts';
import { temporaryDirectory } from '../files/temporary.ts';
import { packSpec } from '../launch/pack-spec.ts';
import { openPack, type Pack } from '../pack/reader.ts';
import { childEnvironment } from '../process/environment.ts';
import { packRelease } from '../provision/pack-release.ts';
import { DEFAULT_RELEASE, pinOf } from '../provision/pins.ts';
import { parseReleaseReference, type ReleaseReference, referenceText } from '../provision/reference.ts';
import { rehearsalDirectory } from '../provision/rehearsal-directory.ts';

export type ChooseOptions = {
  settings: Settings;
  /** Whether a release was asked for: the default is no question to a pack. */
  releaseGiven: boolean;
  env: NodeJS.ProcessEnv;
  cwd: string;
  signal: AbortSignal;
};

const COMMIT = /^[0-9a-f]{7,64}$/;

/**
 * The settings as the pack has them; unchanged without one.
 *
 * @throws UnetError UNET_PACK_… for one that is not whole, or has another release.
 */
export async function choosePack(options: ChooseOptions): Promise<Settings> {
  const { settings, releaseGiven } = options;
  if (settings.pack === undefined) {
    return settings;
  }
  const pack = await openPack(settings.pack);
  if (releaseGiven || settings.release !== DEFAULT_RELEASE) {
    await refuseOtherRelease(pack, options);
  }
  return settingsOfPack(settings, pack);
}

/** The settings with what the pack decides; what was asked for otherwise stays. */
export function settingsOfPack(settings: Settings, { path, manifest, ...pack }: Pack): Settings {
  const { image } = packSpec({ path, manifest, ...pack });
  return {
    ...settings,
    pack: path,
    release: manifest.release.description,
    image: settings.image ?? image,
  };
}

async function refuseOtherRelease(pack: Pack, options: ChooseOptions): Promise<void> {
  const { release } = pack.manifest;
  const reference = parseReleaseReference(options.settings.release, options.cwd);
  if (!(await isSame(reference, pack, options))) {
    throw new UnetError(
      'UNET_PACK_RELEASE',
      `${pack.path} has the release ${release.description}, and ${referenceText(reference)} is asked for`,
      { fatal: true, remedy: 'leave --release out, or make a pack of that release' },
    );
  }
}

/** By content where it is at hand; a URL by its text, the commit that the pack has noted, or its pin: nothing is fetched. */
async function isSame(
  reference: ReleaseReference,
  { manifest }: Pack,
  options: ChooseOptions,
): Promise<boolean> {
  const { release } = manifest;
  if (reference.kind === 'git') {
    const noted =
      COMMIT.test(reference.ref) && release.description.includes(`(commit ${reference.ref.slice(0, 12)}`);
    const pinned = pinOf(reference.url, reference.ref)?.sha256 === release.sha256;
    return referenceText(reference) === release.reference || noted || pinned;
  }
  if (reference.kind === 'download') {
    return referenceText(reference) === release.reference;
  }
  if (reference.kind === 'cached') {
    return release.sha256.startsWith(reference.sha256);
  }
  const temporary = await mkdtemp(join(temporaryDirectory(), 'unet-release-'));
  try {
    const { sha256 } = await packRelease(reference, {
      destination: join(temporary, 'release.tar'),
      rehearsalDir: rehearsalDirectory(),
      env: childEnvironment(options.env),
      timeoutMs: options.settings.stepTimeouts.stage,
      signal: options.signal,
    });
    return sha256 === release.sha256;
  } finally {
    await removeTree(temporary, { beneath: temporaryDirectory() });
  }
}
