/** Images of the stand-in engine: a directory each, with the configuration and the layers, and a file for each name. */
import { createHash, randomBytes } from 'node:crypto';
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { create, extract } from 'tar';

export interface StoredImage {
  /** Digest of its configuration, 64 hexadecimal digits. */
  id: string;
  names: string[];
  architecture: string;
  os: string;
  size: number;
}

/** What is no image archive. */
export class ArchiveError extends Error {
  override name = 'ArchiveError';
}

const mode = 0o700;

export class ImageStore {
  private readonly directory: string;

  /** @param releaseDirectory where images are kept unless UNET_REHEARSAL_IMAGES names a directory. */
  constructor(releaseDirectory: string) {
    this.directory = process.env.UNET_REHEARSAL_IMAGES || path.join(releaseDirectory, '.rehearsal', 'images');
  }

  find(name: string): StoredImage | undefined {
    const id = this.idOf(name);
    return id === undefined ? undefined : this.read(id);
  }

  list(): StoredImage[] {
    return entries(path.join(this.directory, 'by-id')).map((id) => this.read(id));
  }

  /** Makes up an image: the same `seed`, the same image. */
  build(name: string, seed: string, labels: Record<string, string>): StoredImage {
    const temporary = this.temporary();
    const layer = createHash('sha256').update(seed).digest('hex').repeat(1024);
    writeFileSync(path.join(temporary, 'layer-0.tar'), layer);
    const config = {
      architecture: process.arch === 'x64' ? 'amd64' : process.arch,
      os: 'linux',
      config: { Labels: labels },
      rootfs: { type: 'layers', diff_ids: [`sha256:${createHash('sha256').update(layer).digest('hex')}`] },
    };
    writeFileSync(path.join(temporary, 'config.json'), JSON.stringify(config));
    const id = this.keep(temporary);
    this.tag(id, name);
    return this.read(id);
  }

  /** Reads an archive as `docker save` writes it; the names that it had in it. */
  async load(input: NodeJS.ReadableStream): Promise<string[]> {
    const temporary = this.temporary();
    try {
      await new Promise<void>((resolve, reject) => {
        const unpack = extract({ cwd: temporary, strict: true });
        unpack.on('close', resolve);
        unpack.on('error', reject);
        input.on('error', reject);
        input.pipe(unpack);
      });
      return manifestOf(temporary).flatMap(({ Config, RepoTags, Layers }) => {
        const image = this.temporary();
        linkSync(path.join(temporary, Config), path.join(image, 'config.json'));
        Layers.forEach((layer, index) => {
          linkSync(path.join(temporary, layer), path.join(image, `layer-${index}.tar`));
        });
        const id = this.keep(image);
        const names = RepoTags ?? [];
        for (const name of names) this.tag(id, name);
        return names.length > 0 ? names : [`sha256:${id}`];
      });
    } catch (error) {
      throw error instanceof ArchiveError ? error : new ArchiveError((error as Error).message);
    } finally {
      rmSync(temporary, { recursive: true, force: true });
    }
  }

  /** Writes the archive of one image. */
  async save(image: StoredImage, name: string, output: NodeJS.WritableStream): Promise<void> {
    const temporary = this.temporary();
    try {
      const directory = this.imageDirectory(image.id);
      const layers = layersOf(directory);
      for (const file of [...layers, 'config.json']) {
        const target = file === 'config.json' ? `${image.id}.json` : file;
        linkSync(path.join(directory, file), path.join(temporary, target));
      }
      const manifest = [{ Config: `${image.id}.json`, RepoTags: [withTag(name)], Layers: layers }];
      writeFileSync(path.join(temporary, 'manifest.json'), JSON.stringify(manifest));
      const files = [...layers, `${image.id}.json`, 'manifest.json'];
      const pack = create({ cwd: temporary, portable: true, mtime: new Date(0) }, files);
      for await (const chunk of pack) {
        if (!output.write(chunk)) await new Promise((resolve) => output.once('drain', resolve));
      }
    } finally {
      rmSync(temporary, { recursive: true, force: true });
    }
  }

  tag(id: string, name: string): void {
    const names = path.join(this.directory, 'names');
    mkdirSync(names, { recursive: true, mode });
    const file = path.join(names, encodeURIComponent(withTag(name)));
    writeFileSync(`${file}.${process.pid}`, id);
    renameSync(`${file}.${process.pid}`, file);
  }

  /** Takes the name away, and the image with its last one. False: there is no such name. */
  remove(name: string): boolean {
    const image = this.find(name);
    if (image === undefined) return false;
    const [own] = image.names.filter((known) => spellings(name).includes(known));
    rmSync(path.join(this.directory, 'names', encodeURIComponent(own ?? '')), { force: true });
    if (image.names.length <= 1) rmSync(this.imageDirectory(image.id), { recursive: true, force: true });
    return true;
  }

  private idOf(name: string): string | undefined {
    const bare = name.replace(/^sha256:/, '');
    if (/^[0-9a-f]{64}$/.test(bare)) return existsSync(this.imageDirectory(bare)) ? bare : undefined;
    const files = spellings(name).map((text) => path.join(this.directory, 'names', encodeURIComponent(text)));
    const found = files.find((file) => existsSync(file));
    return found === undefined ? undefined : readFileSync(found, 'utf8');
  }

  private read(id: string): StoredImage {
    const directory = this.imageDirectory(id);
    const { architecture, os } = JSON.parse(readFileSync(path.join(directory, 'config.json'), 'utf8'));
    const names = path.join(this.directory, 'names');
    return {
      id,
      architecture,
      os,
      names: entries(names)
        .filter((file) => readFileSync(path.join(names, file), 'utf8') === id)
        .map(decodeURIComponent),
      size: layersOf(directory).reduce((sum, layer) => sum + statSync(path.join(directory, layer)).size, 0),
    };
  }

  /** Puts what is in `temporary` in its place; one that is there already stays. */
  private keep(temporary: string): string {
    const id = createHash('sha256')
      .update(readFileSync(path.join(temporary, 'config.json')))
      .digest('hex');
    mkdirSync(path.join(this.directory, 'by-id'), { recursive: true, mode });
    try {
      renameSync(temporary, this.imageDirectory(id));
    } catch {
      rmSync(temporary, { recursive: true, force: true });
    }
    return id;
  }

  private imageDirectory(id: string): string {
    return path.join(this.directory, 'by-id', id);
  }

  private temporary(): string {
    mkdirSync(this.directory, { recursive: true, mode });
    return mkdtempSync(path.join(this.directory, `.${randomBytes(4).toString('hex')}-`));
  }
}

/** `node` is `node:latest`. */
function withTag(name: string): string {
  return /:[^/]+$/.test(name) || name.includes('@') ? name : `${name}:latest`;
}

/** As podman looks: what is not qualified may be its own. */
function spellings(name: string): string[] {
  return [withTag(name), `localhost/${withTag(name)}`];
}

function layersOf(directory: string): string[] {
  return entries(directory)
    .filter((file) => file.startsWith('layer-'))
    .sort((a, b) => Number.parseInt(a.slice(6), 10) - Number.parseInt(b.slice(6), 10));
}

function entries(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory).filter((name) => !name.startsWith('.')) : [];
}

interface ArchivedImage {
  Config: string;
  RepoTags?: string[] | null;
  Layers: string[];
}

function manifestOf(directory: string): ArchivedImage[] {
  const file = path.join(directory, 'manifest.json');
  if (!existsSync(file)) throw new ArchiveError('payload does not match any of the supported image formats');
  return JSON.parse(readFileSync(file, 'utf8')) as ArchivedImage[];
}
