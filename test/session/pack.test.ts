import {
  chmodSync,
  lstatSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { dockerArchive } from '../pack/image-archives.ts';
import { program, scratch, TIME_SCALE, until } from '../process/scratch.ts';
import { Cluster } from './cluster.ts';

vi.setConfig({ testTimeout: 120_000 * TIME_SCALE });

/** A local cluster with a pack of the rehearsal release, its image, and one for the cluster. */
async function packed(env: NodeJS.ProcessEnv = {}, ...args: string[]) {
  const cluster = new Cluster(env);
  const { directory } = cluster;
  const pack = join(directory, 'home', 'my.pack');
  await dockerArchive(join(directory, 'cni.tar'), { name: 'docker.io/x/cni:2', bytes: 200_000 });
  const made = await cluster.unet('pack', '--images', join(directory, 'cni.tar'), '-o', pack, ...args);
  expect(made.stderr).toContain('next: unet up --pack');
  // From here on nothing may be fetched.
  delete cluster.env.UNET_RELEASE;
  return { cluster, pack };
}

/** What the machine has in its usual places, but for kubectl. */
function pathWithoutKubectl(): string {
  const directory = scratch();
  for (const place of ['/usr/bin', '/bin', '/usr/local/bin']) {
    for (const name of readdirSync(place).filter((file) => file !== 'kubectl')) {
      // A name may be in several places, or lead nowhere (/usr/bin/X11).
      if (lstatSync(join(directory, name), { throwIfNoEntry: false }) === undefined) {
        symlinkSync(join(place, name), join(directory, name));
      }
    }
  }
  return directory;
}

/** PATH in which whatever would use the network says so, and fails. */
function loudPath(cluster: Cluster): string {
  const directory = join(cluster.directory, 'home');
  for (const name of ['git', 'curl', 'wget', 'ssh']) {
    program(directory, name, `#!/bin/sh\necho "$0 $@" >> ${directory}/network-was-used\nexit 99\n`);
  }
  return `${directory}:${cluster.env.PATH}`;
}

describe('unet up --pack', () => {
  it('brings a cluster up out of the pack alone, with its images in every node', async () => {
    const { cluster, pack } = await packed();
    cluster.env.PATH = loudPath(cluster);
    const { code, stderr } = await cluster.unet('up', '--pack', pack);
    expect(stderr).toMatch(/the pack \S+ is verified/);
    expect(stderr).toMatch(/node-1: load the pack done/);
    expect(code).toBe(0);
    const log = (node: string, step: string) =>
      readFileSync(join(cluster.jobDirectory, 'logs', node, `${step}.log`), 'utf8');
    for (const node of ['node-0', 'node-1']) {
      expect(log(node, 'load')).toMatch(/localhost\/unet-node:[0-9a-f]{12}: 67\.5 KiB loaded/);
      expect(log(node, 'images')).toContain('unpacking docker.io/x/cni:2');
      expect(log(node, 'up')).not.toContain('Successfully tagged');
    }
    expect(cluster.state()).toMatchObject({ phase: 'usable', release: 'rehearsal' });
    expect(cluster.left().filter((path) => path.includes('unet-images/'))).toEqual([]);
    expect((await cluster.unet('down')).code).toBe(0);
    await cluster.quiet();
    expect(cluster.left()).toEqual([]);
    expect(readdirSync(join(cluster.directory, 'home'))).not.toContain('network-was-used');
  });

  it('imports on a second up what the first one could not, and says so', async () => {
    const { cluster, pack } = await packed({ UNET_REHEARSAL: 'boot@node-1:delay=20s' });
    const first = cluster.start('up', '--pack', pack);
    const archive = await until(() => {
      const path = cluster.left().find((file) => /node-1\/.*\.unet-images\/[^.]+\.tar$/.test(file));
      return path === undefined ? undefined : join(cluster.directory, path);
    });
    await until(() => cluster.log('node-1', 'load').includes('unpacked'));
    writeFileSync(archive, 'damaged');
    expect((await first.ended).code).toBe(5);
    expect(cluster.log('node-1', 'images')).not.toContain('unpacking docker.io/x/cni:2');
    const second = await cluster.unet('up', '--pack', pack);
    expect(second.code, second.stderr).toBe(0);
    expect(cluster.log('node-1', 'images')).toContain('unpacking docker.io/x/cni:2');
    // The container of the first try is kept, and what was done in it.
    expect(cluster.log('node-1', 'up')).toContain('done by an earlier try');
    expect((await cluster.unet('down')).code).toBe(0);
    await cluster.quiet();
    expect(cluster.left()).toEqual([]);
  });

  it('passes over a node image that the engine has', async () => {
    const { cluster, pack } = await packed();
    cluster.env.UNET_REHEARSAL_IMAGES = join(cluster.directory, 'images');
    await cluster.unet('up', '--pack', pack, '--nodes', '1');
    await cluster.unet('down');
    const second = await cluster.unet('up', '--pack', pack, '--nodes', '1');
    expect(second.code).toBe(0);
    expect(readFileSync(join(cluster.jobDirectory, 'logs/node-0/load.log'), 'utf8')).toContain(
      'is there already',
    );
    await cluster.unet('down');
  });

  it('gives those who have none the kubectl of the pack', async () => {
    const own = program(scratch(), 'kubectl', '#!/bin/sh\necho "packed kubectl: $@"\n');
    const { cluster, pack } = await packed({}, '--kubectl', own);
    cluster.env.PATH = pathWithoutKubectl();
    const { code, stdout } = await cluster.unet(
      'run',
      '--pack',
      pack,
      '--nodes',
      '1',
      '--',
      'kubectl',
      'get',
      'nodes',
    );
    expect(stdout).toBe('packed kubectl: get nodes\n');
    expect(code).toBe(0);
    await cluster.quiet();
    expect(cluster.left()).toEqual([]);
  });

  it.each([
    ['truncated', 'UNET_PACK_INVALID', (pack: string) => truncateSync(pack, 400_000)],
    [
      'altered',
      'UNET_PACK_CHECKSUM',
      (pack: string) => {
        const bytes = readFileSync(pack);
        bytes.writeUInt8((bytes[bytes.length - 5000] ?? 0) ^ 1, bytes.length - 5000);
        writeFileSync(pack, bytes);
      },
    ],
    ['writable by everybody', 'UNET_UNSAFE_PATH', (pack: string) => chmodSync(pack, 0o666)],
  ] as const)('refuses one that is %s before a node is touched', async (_, error, spoil) => {
    const { cluster, pack } = await packed({}, '--kubectl', 'none');
    spoil(pack);
    const { code, stderr } = await cluster.unet('up', '--pack', pack);
    expect(stderr).toContain(error);
    expect(code).toBe(3);
    await cluster.quiet();
    expect(cluster.left().filter((path) => path.startsWith('node/'))).toEqual([]);
  });

  it('refuses one with another release than is asked for, and takes one with the same', async () => {
    const { cluster, pack } = await packed({}, '--kubectl', 'none');
    const other = await cluster.unet('up', '--pack', pack, '--release', 'https://example.org/u7s#v1');
    expect(other.stderr).toContain('has the release rehearsal, and https://example.org/u7s#v1 is asked for');
    expect(other.stderr).toContain('UNET_PACK_RELEASE');
    expect(other.code).toBe(3);
    expect((await cluster.unet('up', '--pack', pack, '--release', 'rehearsal')).code).toBe(0);
    await cluster.unet('down');
  });

  it('refuses a pack that is not there with 2', async () => {
    const cluster = new Cluster();
    const { code, stderr } = await cluster.unet('up', '--pack', 'nowhere.pack');
    expect(stderr).toContain('there is no pack');
    expect(code).toBe(2);
  });
});
