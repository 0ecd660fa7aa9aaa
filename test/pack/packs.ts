/** Packs of the rehearsal release and made-up image archives. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Settings } from '../../src/config/schema.ts';
import { createPack } from '../../src/pack/create.ts';
import type { PackEvent } from '../../src/pack/events.ts';
import type { CreateOptions } from '../../src/pack/options.ts';
import { childEnvironment } from '../../src/process/environment.ts';
import { provisionSettings } from '../../src/provision/from-settings.ts';
import { place } from '../files/place.ts';
import { tree } from '../provision/releases.ts';
import { dockerArchive, type MadeImage } from './image-archives.ts';

export const env = childEnvironment(process.env);
export const REHEARSAL = fileURLToPath(new URL('../../dist/rehearsal', import.meta.url));

/** A place with a small release and an archive of its node image. */
export class Workbench {
  readonly directory: string;
  readonly destination: string;
  readonly events: PackEvent[] = [];
  release = '';

  private constructor(directory: string) {
    this.directory = directory;
    this.destination = join(directory, 'out.pack');
  }

  static async open(nodeImage: MadeImage = {}): Promise<Workbench> {
    const bench = new Workbench(await place());
    bench.release = join(bench.directory, 'release');
    await mkdir(bench.release);
    await tree(undefined, bench.release);
    await dockerArchive(bench.path('node.tar'), { name: 'localhost/node:1', ...nodeImage });
    return bench;
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  create(changes: Partial<CreateOptions> = {}) {
    const settings = { ...Settings.parse({}), cache: this.path('cache'), nodeDir: this.directory };
    return createPack({
      destination: this.destination,
      release: this.release,
      provision: provisionSettings(settings, () => {}),
      nodeImage: 'node.tar',
      images: [],
      kubectl: 'none',
      compression: 'gzip',
      engine: 'auto',
      env,
      cwd: this.directory,
      rehearsalDir: REHEARSAL,
      unet: '0.0.0-test',
      timeouts: { stage: 30_000, image: 60_000 },
      onEvent: (event) => void this.events.push(event),
      ...changes,
    });
  }

  /** `release.tar.gz done`, in their order; forgets them. */
  members(): string[] {
    return this.events.splice(0).flatMap((event) => {
      const over = event.type === 'member' && (event.state === 'done' || event.state === 'kept');
      return over ? [`${event.path} ${event.state}`] : [];
    });
  }
}
