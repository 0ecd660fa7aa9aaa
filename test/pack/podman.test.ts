import { execFileSync } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { hasImage, imageId } from '../../src/engine/images.ts';
import { loadImageStream } from '../../src/engine/load-image.ts';
import { probeCompose } from '../../src/engine/probe-compose.ts';
import { memberContent, openPack } from '../../src/pack/reader.ts';
import { run } from '../../src/process/run.ts';
import { place } from '../files/place.ts';
import { scratch, TIME_SCALE } from '../process/scratch.ts';
import { tree } from '../provision/releases.ts';
import { env, Workbench } from './packs.ts';

vi.setConfig({ testTimeout: 120_000 * TIME_SCALE });

const missing = withoutPodman();
if (missing !== undefined) {
  console.warn(`packs with a real podman are skipped: ${missing}`);
}

const noCompose = missing ?? (await withoutCompose());
if (noCompose !== undefined && missing === undefined) {
  console.warn(`building the image of a pack is skipped: ${noCompose}`);
}

async function withoutCompose(): Promise<string | undefined> {
  const options = { engine: 'podman', env, timeoutMs: 20_000 } as const;
  return await probeCompose('podman', options).then(
    () => undefined,
    (error: Error) => error.message,
  );
}

function withoutPodman(): string | undefined {
  try {
    execFileSync('podman', ['info'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'podman is not on PATH, or does not work here';
  }
}

const podman = { command: ['podman'] };

/** podman with an empty storage of its own. */
async function storage() {
  const directory = scratch();
  const file = join(directory, 'storage.conf');
  const text = `[storage]\ndriver = "vfs"\nrunroot = "${directory}/run"\ngraphroot = "${directory}/graph"\n`;
  await writeFile(file, text);
  return { env: { ...env, CONTAINERS_STORAGE_CONF: file }, timeoutMs: 60_000 };
}

type Storage = Awaited<ReturnType<typeof storage>>;

/** An image without a registry: a directory's tar, imported. */
async function importImage(name: string, options: Storage): Promise<void> {
  const root = await place();
  await mkdir(join(root, 'bin'));
  await writeFile(join(root, 'bin/tool'), 'x'.repeat(100_000));
  const result = await run(['sh', '-c', `tar -C ${root} -c . | podman import - ${name}`], options);
  expect(result.exitCode).toBe(0);
}

/** `localhost/node:1` in a pack, and the storage that it came from. */
async function packed() {
  const from = await storage();
  await importImage('localhost/node:1', from);
  const bench = await Workbench.open();
  const { manifest } = await bench.create({ nodeImage: 'localhost/node:1', engine: 'podman', env: from.env });
  const pack = await openPack(bench.destination);
  const member = pack.manifest.members.find(({ kind }) => kind === 'node-image');
  if (member === undefined) {
    throw new Error('the pack has no node image');
  }
  return { from, bench, pack, member, manifest };
}

describe.skipIf(missing !== undefined)('a pack with a real podman', () => {
  it('has what podman saved, and gives another podman the same image', async () => {
    const { from, pack, member } = await packed();
    const id = await imageId(podman, 'localhost/node:1', from);
    expect(member.images).toMatchObject([{ names: ['localhost/node:1'], id }]);
    const to = await storage();
    expect(await hasImage(podman, 'localhost/node:1', to)).toBe(false);
    await loadImageStream(podman, memberContent(pack, member, to), { ...to, shown: 'it' });
    expect(await imageId(podman, 'localhost/node:1', to)).toBe(id);
  });

  it.skipIf(noCompose !== undefined)(
    'has the image that is built from the release’s own compose file, once for all packs of it',
    async () => {
      const from = await storage();
      const bench = await Workbench.open();
      await tree(
        {
          Dockerfile: '# kindest/node:v1.34.2\nFROM scratch\nCOPY Makefile /\n',
          // biome-ignore lint/suspicious/noTemplateCurlyInString: compose fills it in
          'docker-compose.yaml': 'services:\n  node:\n    build: .\n    hostname: ${NODE_NAME}\n',
        },
        bench.release,
      );
      const wanted = { nodeImage: undefined, engine: 'podman', env: from.env } as const;
      const makefile =
        'COMPOSE ?= podman-compose\nup down-v kubeadm-init kubeconfig join-command kubeadm-join install-flannel:\n';
      await writeFile(join(bench.release, 'Makefile'), makefile);
      const { manifest } = await bench.create(wanted);
      const image = manifest.members[1]?.images?.[0];
      expect(image?.names).toEqual([`localhost/unet-node:${manifest.release.sha256.slice(0, 12)}`]);
      bench.events.splice(0);
      await bench.create({ ...wanted, destination: bench.path('again.pack') });
      const steps = bench.events.flatMap((event) => (event.type === 'step' ? [event.message] : []));
      expect(steps.at(-1)).toMatch(/is already built$/);
    },
  );

  it('that is damaged leaves no image behind', async () => {
    const { pack, member } = await packed();
    const to = await storage();
    const damaged = { ...member, sha256: '0'.repeat(64) };
    const loading = loadImageStream(podman, memberContent(pack, damaged, to), { ...to, shown: 'it' });
    await expect(loading).rejects.toMatchObject({ code: 'UNET_PACK_CHECKSUM' });
    expect(await hasImage(podman, 'localhost/node:1', to)).toBe(false);
  });

  it('says what podman says of an archive that it does not take', async () => {
    const to = await storage();
    const loading = loadImageStream(podman, createReadStream('/etc/hostname'), {
      ...to,
      shown: '/etc/hostname',
    });
    await expect(loading).rejects.toMatchObject({
      code: 'UNET_IMAGE_LOAD',
      message: expect.stringContaining('/etc/hostname could not be loaded: podman load exited with'),
    });
  });
});
