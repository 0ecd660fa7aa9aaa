import { list } from 'tar';

interface Manifest {
  Config: string;
  RepoTags?: string[] | null;
}

/**
 * The names and ids in an archive of images. Only its manifest is kept: the layers are nobody's here.
 *
 * @throws Error as an engine says it, when it is none
 */
export async function loadArchive(file: string): Promise<Record<string, string>> {
  let manifest: string | undefined;
  await list({
    file,
    strict: true,
    onReadEntry: (entry) => {
      if (entry.path !== 'manifest.json') return;
      const parts: Buffer[] = [];
      entry.on('data', (part: Buffer) => parts.push(part));
      entry.on('end', () => {
        manifest = Buffer.concat(parts).toString('utf8');
      });
    },
  }).catch((error: Error) => {
    throw new Error(`payload does not match any of the supported image formats: ${error.message}`);
  });
  if (manifest === undefined) throw new Error('payload does not match any of the supported image formats');
  const images = (JSON.parse(manifest) as Manifest[]).flatMap(({ Config, RepoTags }) => {
    const digest = Config.replace(/^blobs\/sha256\//, '').replace(/\.json$/, '');
    return (RepoTags ?? []).map((name) => [name, `sha256:${digest}`] as const);
  });
  return Object.fromEntries(images);
}
