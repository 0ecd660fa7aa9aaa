import path from 'node:path';
import { list } from 'tar';
import type { CommandRun } from '../commands.ts';

/** `ctr -n k8s.io images ls -q`: the names of what was imported. */
export async function ctrImagesList({ machine, out }: CommandRun): Promise<number> {
  for (const name of machine.images) out(`${name}\n`);
  return 0;
}

/** `ctr -n k8s.io images import FILE`, of an archive as `docker save` writes it, in the release's directory. */
export async function ctrImagesImport({ machine, args, out, err }: CommandRun): Promise<number> {
  const file = args.at(-1) ?? '';
  const inside = path.relative('/usernetes', file);
  if (!file.startsWith('/usernetes/') || inside.startsWith('..')) {
    err(`ctr: open ${file}: no such file or directory\n`);
    return 1;
  }
  try {
    for (const name of await namesIn(path.join(machine.releaseDirectory, inside))) {
      machine.images.add(name);
      out(`unpacking ${name} (sha256:0)...done\n`);
    }
    return 0;
  } catch (error) {
    err(`ctr: ${(error as Error).message}\n`);
    return 1;
  }
}

async function namesIn(file: string): Promise<string[]> {
  let manifest = '';
  await list({
    file,
    strict: true,
    onReadEntry: (entry) => {
      if (entry.path === 'manifest.json')
        entry.on('data', (part: Buffer) => (manifest += part.toString('utf8')));
    },
  });
  if (manifest === '') throw new Error('unrecognized image format');
  const images = JSON.parse(manifest) as { RepoTags?: string[] | null }[];
  return images.flatMap(({ RepoTags }) => RepoTags ?? []);
}
