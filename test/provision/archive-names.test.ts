import { writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Header, Pax } from 'tar';
import { expect, it } from 'vitest';
import { extractArchive } from '../../src/provision/archive.ts';
import { scratch } from '../process/scratch.ts';

it('an archive with a name that no filesystem takes is said to be wrong, and not the directory', async () => {
  const directory = scratch();
  const file = join(directory, 'release.tar');
  const path = 'x'.repeat(300);
  const header = new Header({ path: 'x', mode: 0o644, size: 0, type: 'File' });
  header.encode();
  const blocks = [new Pax({ path }).encode(), header.block, Buffer.alloc(1024)];
  writeFileSync(file, Buffer.concat(blocks.filter((block) => block !== undefined)));
  const into = join(directory, 'into');
  await mkdir(into);
  await expect(extractArchive(file, into)).rejects.toMatchObject({
    code: 'UNET_RELEASE_INVALID',
    exitCode: 3,
    message: expect.stringContaining('too long'),
  });
});
