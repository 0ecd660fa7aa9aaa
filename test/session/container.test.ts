import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { childEnvironment } from '../../src/process/environment.ts';
import { run } from '../../src/process/run.ts';
import { Cluster } from './cluster.ts';

/** What the rehearsal's compose stand-in says of a node, asked through the node's own wrapper. */
async function container(cluster: Cluster, node: string) {
  const directory = join(
    cluster.directory,
    'node',
    `unet-${process.getuid?.()}`,
    `local-${cluster.name}`,
    node,
  );
  const env = childEnvironment(cluster.env);
  const wrapper = join(directory, 'compose');
  const { stdout } = await run([wrapper, 'ps', '--format', 'json'], { env, timeoutMs: 60_000 });
  const state = join(
    directory,
    'release',
    '.rehearsal',
    `unet-local-${cluster.name}-${node}`,
    'container.json',
  );
  return { listed: JSON.parse(stdout)[0], ...JSON.parse(readFileSync(state, 'utf8')) };
}

it('a node gets what the settings give it, and is labelled', async () => {
  const cluster = new Cluster({ UNET_ENV: 'GREETING=$HOME "x"\nB=2', https_proxy: 'http://proxy:3128' });
  const up = await cluster.unet(
    'up',
    '--mount',
    '/usr/share:/mnt/share:ro',
    '--ulimit',
    'memlock=unlimited',
    '--ca-cert',
    '/etc/hostname',
  );
  expect(up.code, up.stderr).toBe(0);
  const { settings, listed } = await container(cluster, 'node-1');
  expect(listed).toMatchObject({
    State: 'running',
    Labels: { 'unet.job': `local-${cluster.name}`, 'unet.node': 'node-1' },
  });
  expect(settings).toMatchObject({
    restart: 'no',
    environment: {
      KUBECONFIG: '/etc/kubernetes/admin.conf',
      GREETING: '$HOME "x"',
      B: '2',
      HTTPS_PROXY: 'http://proxy:3128',
    },
    ulimits: { memlock: { soft: -1, hard: -1 } },
  });
  expect(settings.environment.NO_PROXY.split(',')).toEqual(
    expect.arrayContaining(['node-0', 'node-1', '10.96.0.0/16']),
  );
  expect(settings.mounts).toEqual(
    expect.arrayContaining([
      { type: 'bind', source: '/usr/share', target: '/mnt/share', readOnly: true },
      expect.objectContaining({
        source: '/etc/hostname',
        target: '/usr/local/share/ca-certificates/unet-1.crt',
      }),
    ]),
  );
  await cluster.unet('down');
  await cluster.quiet();
  expect(cluster.left()).toEqual([]);
});

it.each([
  [['--mount', '/usr/share:/var'], 3, 'UNET_OVERRIDE_REFUSED on node-0 in step stage: --mount to /var: '],
  [['--publish', '8080:80'], 3, '--publish: the nodes share one host and its ports'],
  [['--mount', '/not/there:/mnt'], 3, 'UNET_MOUNT_MISSING on node-0 in step stage: /not/there of --mount'],
  [
    ['--image', 'localhost/none:1'],
    3,
    'UNET_IMAGE_MISSING on node-0 in step stage: the image localhost/none:1',
  ],
  [['--compose', 'podman-compose -f other.yaml'], 3, '--compose with -f: '],
  [['--mount', 'here:/mnt'], 2, '--mount: "here:/mnt" is not SRC:DST or SRC:DST:ro with absolute paths'],
])('what cannot be had is refused with its reason, and nothing is left: %j', async (flags, code, said) => {
  const cluster = new Cluster();
  const up = await cluster.unet('up', ...flags);
  expect(up.stderr).toContain(said);
  expect(up.code).toBe(code);
  await cluster.quiet();
  expect(cluster.left().filter((path) => path.startsWith('node/'))).toEqual([]);
});

it('one node on a host may have further ports of it', async () => {
  const cluster = new Cluster({ UNET_NODES: '1' });
  const up = await cluster.unet('up', '--publish', '8080:80');
  expect(up.code, up.stderr).toBe(0);
  expect((await container(cluster, 'node-0')).settings.ports).toContain('8080:80');
  await cluster.unet('down');
  await cluster.quiet();
});

it('a node directory whose name a shell would read is refused: make gives it to one unquoted', async () => {
  const cluster = new Cluster({ UNET_NODES: '1' });
  cluster.env.UNET_NODE_DIR = join(cluster.directory, 'node', '$(touch broken);x');
  const up = await cluster.unet('up');
  expect(up.stderr).toContain('UNET_CONFIG_INVALID on node-0: make cannot work in');
  expect(up.code).toBe(2);
  await cluster.quiet();
  expect(cluster.left().filter((path) => path.includes('broken'))).toEqual([]);
});
