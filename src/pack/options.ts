/** What a pack is to be made of. */
import type { EngineSettings } from '../engine/settings.ts';
import type { Environment } from '../process/environment.ts';
import type { ProvisionOptions } from '../provision/provision.ts';
import type { OnPackEvent } from './events.ts';
import type { Compression } from './manifest.ts';

export type CreateOptions = {
  destination: string;
  /** As after `--release`. */
  release: string;
  /** How to come by it. */
  provision: Pick<ProvisionOptions, 'strategy' | 'cache' | 'cacheFrom' | 'mirrors' | 'workspace' | 'onNote'>;
  /** A name or an archive; undefined: built. */
  nodeImage?: string | undefined;
  /** Names and archives. */
  images: readonly string[];
  /** A file, `none`, or undefined for the one on PATH. */
  kubectl?: string | undefined;
  /** Undefined: the best that can be written here. */
  compression?: Compression | undefined;
  engine: EngineSettings['engine'];
  compose?: string | undefined;
  env: Environment;
  cwd: string;
  /** The rehearsal release that came with unet. */
  rehearsalDir: string;
  /** Version of this unet. */
  unet: string;
  /** Milliseconds for each of: fetching the release, a build, a pull, saving an image. */
  timeouts: { stage: number; image: number };
  signal?: AbortSignal | undefined;
  onEvent: OnPackEvent;
};
