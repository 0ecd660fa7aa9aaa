import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { Settings } from '../../src/config/schema.ts';
import { builtImage, refuseOldClient, refuseWords, writeCompose } from '../../src/engine/compose.ts';
import { readComposeFile } from '../../src/engine/compose-file.ts';
import { renderWrapper } from '../../src/engine/compose-wrapper.ts';
import { containerOptions } from '../../src/engine/container-options.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { nodeProxy } from '../../src/engine/proxy.ts';
import { refuseExtras, refusePorts } from '../../src/engine/refuse-extras.ts';
import { childEnvironment } from '../../src/process/environment.ts';
import { run } from '../../src/process/run.ts';
import { program, scratch } from '../process/scratch.ts';

const env = childEnvironment(process.env);

/** As upstream's file, in what matters here. */
const UPSTREAM = `
services:
  node:
    build: .
    hostname: \${NODE_NAME}
    restart: always
    networks: { default: { ipv4_address: "\${NODE_IP}" } }
    ports: ["\${PORT_ETCD}:\${PORT_ETCD}"]
    volumes:
      - .:/usernetes:ro
      - /lib/modules:/lib/modules:ro
      - node-var:/var
      - node-etc:/etc
      - { type: tmpfs, target: /tmp }
    environment: { KUBECONFIG: /etc/kubernetes/admin.conf, HOST_IP: "\${HOST_IP}" }
networks: { default: { ipam: { config: [{ subnet: "\${NODE_SUBNET}" }] } } }
volumes: { node-var: {}, node-etc: {} }
`;

function options(settings: Parameters<typeof Settings.parse>[0] = {}) {
  return containerOptions(Settings.parse(settings));
}

const podman: Engine = { name: 'podman', type: 'podman', command: ['podman'], compose: ['podman-compose'] };

/** A staged release with that compose file, and what unet writes for it. */
async function written(settings: object, { compose = UPSTREAM, engine = podman } = {}) {
  const directory = scratch();
  chmodSync(directory, 0o700);
  const stage = join(directory, 'release');
  mkdirSync(stage);
  writeFileSync(join(stage, 'docker-compose.yaml'), compose);
  const dressed = await writeCompose({
    jobId: 'slurm-42',
    node: 'n1',
    directory,
    file: await readComposeFile(stage),
    engine,
    options: options(settings),
    releaseSha256: 'f'.repeat(64),
    proxy: {},
  });
  const text = readFileSync(join(directory, 'override.yaml'), 'utf8');
  return { directory, stage, dressed, text, override: parse(text) };
}

describe('the override file', () => {
  it('labels all that the project makes, and leaves restarting and building again to unet', async () => {
    const { override, directory } = await written({});
    const labels = {
      'unet.job': 'slurm-42',
      'unet.node': 'n1',
      'unet.project': 'unet-slurm-42-n1',
      'unet.version': expect.any(String),
    };
    expect(override).toEqual({
      services: {
        node: {
          image: builtImage('f'.repeat(64)),
          labels,
          restart: 'no',
          stop_grace_period: '10s',
        },
      },
      networks: { default: { labels } },
      volumes: { 'node-var': { labels }, 'node-etc': { labels } },
    });
    expect(statSync(join(directory, 'override.yaml')).mode & 0o777).toBe(0o600);
  });

  it('has what the settings ask for', async () => {
    const { override } = await written({
      image: 'site/node:1',
      mount: ['/scratch/me:/scratch', '/data:/data:ro'],
      publish: ['127.0.0.1:8080:80', '53:53/udp'],
      device: ['/dev/fuse', 'amd.com/gpu=0'],
      gpus: '0,1',
      ulimit: ['memlock=unlimited', 'nofile=1024:65536'],
      env: ['GREETING=hello'],
      stopGrace: '1500ms',
    });
    expect(override.services.node).toMatchObject({
      image: 'site/node:1',
      volumes: [
        { type: 'bind', source: '/scratch/me', target: '/scratch' },
        { type: 'bind', source: '/data', target: '/data', read_only: true },
      ],
      ports: ['127.0.0.1:8080:80', '53:53/udp'],
      devices: ['/dev/fuse', 'amd.com/gpu=0', 'nvidia.com/gpu=0', 'nvidia.com/gpu=1'],
      ulimits: { memlock: { soft: -1, hard: -1 }, nofile: { soft: 1024, hard: 65536 } },
      environment: { GREETING: 'hello' },
      stop_grace_period: '2s',
    });
  });

  it('asks docker and nerdctl for GPUs by their runtime', async () => {
    const engine: Engine = {
      name: 'docker',
      type: 'docker',
      command: ['docker'],
      compose: ['docker', 'compose'],
    };
    const { override } = await written({ gpus: 'all' }, { engine });
    expect(override.services.node.deploy.resources.reservations.devices).toEqual([
      { driver: 'nvidia', count: 'all', capabilities: ['gpu'] },
    ]);
    expect(override.services.node.devices).toBeUndefined();
  });

  it('means what a user wrote, dollars too, in the form of the release’s own variables', async () => {
    const compose = UPSTREAM.replace(/environment: .*/, 'environment: ["KUBECONFIG=/x"]');
    const { override, text } = await written({ env: ['PASSWORD=a$HOME"#: b'] }, { compose });
    expect(override.services.node.environment).toEqual(['PASSWORD=a$$HOME"#: b']);
    expect(text).not.toContain('*a1');
  });

  it('says the same to a reader of YAML 1.1, as podman-compose is one', async () => {
    const { text, override } = await written({ publish: ['22:22'], env: ['NO=yes', 'ON=0123', 'X=1_0'] });
    expect(parse(text, { version: '1.1' })).toEqual(override);
    expect(override.services.node).toMatchObject({ restart: 'no', ports: ['22:22'] });
  });

  it('is not there for a release without a compose file', async () => {
    const directory = scratch();
    const engine = await writeCompose({
      jobId: 'j',
      node: 'n',
      directory,
      file: undefined,
      engine: podman,
      options: options(),
      releaseSha256: '0',
      proxy: {},
    });
    expect(engine).toEqual(podman);
  });

  it.each([
    ['services: [', 'is not YAML'],
    ['services: { web: {} }', 'has no service "node"'],
  ])('of a file that is none is an error: %s', async (text, said) => {
    const stage = scratch();
    writeFileSync(join(stage, 'compose.yaml'), text);
    await expect(readComposeFile(stage)).rejects.toMatchObject({
      code: 'UNET_RELEASE_INVALID',
      message: expect.stringContaining(said),
    });
  });
});

describe('the compose wrapper', () => {
  const EVIL = [
    "it's",
    '$(touch broken)',
    '`touch broken`',
    'a b',
    '"',
    '\\',
    ';touch broken',
    '*',
    'ümlaut',
  ];

  it('passes its own words and those of make on as they are, whatever is in them', async () => {
    const directory = scratch();
    const echo = program(directory, 'echo words', '#!/bin/sh\nprintf "%s\\n" "$@"\n');
    const wrapper = program(
      directory,
      'compose',
      renderWrapper({ compose: [echo, ...EVIL], project: 'p', files: ['a.yaml', 'b c.yaml'], noBuild: true }),
    );
    const { stdout } = await run([wrapper, 'exec', '-T', 'node', '--build', ...EVIL], {
      env,
      cwd: directory,
      timeoutMs: 60_000,
    });
    const own = ['-p', 'p', '-f', 'a.yaml', '-f', 'b c.yaml'];
    expect(stdout.trimEnd().split('\n')).toEqual([...EVIL, ...own, 'exec', '-T', 'node', '--build', ...EVIL]);
  });

  it.each([
    [true, 'up --no-build -d'],
    [false, 'up --build -d'],
  ])('with an image that is to be used (%s) calls %s', async (noBuild, called) => {
    const directory = scratch();
    const compose = [program(directory, 'client', '#!/bin/sh\necho "$@"\n')];
    const wrapper = program(
      directory,
      'compose',
      renderWrapper({ compose, project: 'p', files: [], noBuild }),
    );
    const { stdout } = await run([wrapper, 'up', '--build', '-d'], { env, timeoutMs: 60_000 });
    expect(stdout).toBe(`-p p ${called}\n`);
  });

  it('is for this user alone, and is what make is told', async () => {
    const { dressed, directory } = await written({});
    expect(dressed.compose).toEqual([join(directory, 'compose')]);
    expect(statSync(join(directory, 'compose')).mode & 0o777).toBe(0o700);
  });
});

describe('docker-compose 1.29', () => {
  it.each([
    ['1.29.2', 'annotations: { a: b }', 'docker-compose 1.29.2 cannot read this release’s compose file'],
    ['1.29.2', '', undefined],
    ['2.24.5', 'annotations: { a: b }', undefined],
  ])('(%s) with "%s" in the compose file', async (composeVersion, annotations, said) => {
    const stage = scratch();
    writeFileSync(join(stage, 'compose.yaml'), `services:\n  node:\n    build: .\n    ${annotations}\n`);
    const file = await readComposeFile(stage);
    const engine: Engine = { ...podman, compose: ['/usr/bin/docker-compose'], composeVersion };
    const refusing = () => file && refuseOldClient(engine, file);
    if (said === undefined) {
      expect(refusing).not.toThrow();
    } else {
      expect(refusing).toThrow(said);
    }
  });
});

describe('what a release leaves no room for', () => {
  async function refusal(settings: object): Promise<string> {
    const stage = scratch();
    writeFileSync(join(stage, 'docker-compose.yaml'), UPSTREAM);
    const file = await readComposeFile(stage);
    if (file === undefined) {
      throw new Error('no compose file');
    }
    return refuseExtras(options(settings), file).then(
      () => 'fine',
      (error) => `${error.code} ${error.message}`,
    );
  }

  it.each([
    ['/tmp:/var', 'UNET_OVERRIDE_REFUSED --mount to /var: it would hide /var, which the node needs'],
    [
      '/tmp:/var/lib',
      'UNET_OVERRIDE_REFUSED --mount to /var/lib: it would hide /var/lib/kubelet, which the node needs',
    ],
    [
      '/tmp:/usernetes/x',
      'UNET_OVERRIDE_REFUSED --mount to /usernetes/x: /usernetes is created when the node starts',
    ],
    ['/tmp:/', "UNET_OVERRIDE_REFUSED --mount to /: it would hide the node's own system"],
    [
      '/tmp:/lib/modules/',
      'UNET_OVERRIDE_REFUSED --mount to /lib/modules: it would hide /lib/modules, which the node needs',
    ],
    ['/not/there:/mnt', 'UNET_MOUNT_MISSING /not/there of --mount is not on this node'],
    ['/tmp:/mnt', 'fine'],
    ['/tmp:/var/scratch', 'fine'],
    ['/tmp:/etc/containerd/certs.d:ro', 'fine'],
  ])('of a mount: %s', async (mount, said) => {
    expect(await refusal({ mount: [mount] })).toBe(said);
  });

  it.each([
    [{ mount: ['/tmp:/mnt', '/usr:/mnt'] }, 'two mounts have the same target'],
    [{ env: ['HOST_IP=1.2.3.4'] }, 'the release sets this variable itself'],
    [{ env: ['A=1', 'A=2'] }, 'given twice'],
    [{ publish: ['80:1', '80:2'] }, 'host port 80/tcp twice'],
    [{ device: ['/dev/not-there'] }, '/dev/not-there of --device is not on this node'],
    [{ caCert: ['/not/there.pem'] }, '/not/there.pem of --ca-cert is not on this node'],
    [{ caCert: ['/etc/hostname'], mount: ['/tmp:/usr/local/share/ca-certificates'] }, 'it would hide'],
  ])('of %j', async (settings, said) => {
    expect(await refusal(settings)).toContain(said);
  });

  it('of ports: the four of the node', () => {
    const ports = { etcd: 20010, kubelet: 20011, flannel: 20012, apiServer: 20013 };
    expect(() => refusePorts(options({ publish: ['20013:80'] }), { ports })).toThrow(
      'port 20013/tcp of --publish is already used by the API server on this node',
    );
    expect(() => refusePorts(options({ publish: ['20012:80'] }), { ports })).not.toThrow();
  });

  it.each([
    ['podman-compose -p mine', '-p'],
    ['docker compose --file=x.yaml', '--file=x.yaml'],
    ['podman-compose --podman-run-args=--network=host', '--podman-run-args=--network=host'],
  ])('of the compose command "%s"', (compose, word) => {
    expect(() => refuseWords(compose.split(' '))).toThrow(`--compose with ${word}: `);
  });
});

describe("the host's proxy variables", () => {
  it('reach the node in both spellings, and the cluster is excepted', () => {
    const { variables } = nodeProxy({ HTTPS_PROXY: 'http://proxy:3128', no_proxy: 'site, .local' }, [
      '10.1.0.0/24',
    ]);
    expect(variables.https_proxy).toBe('http://proxy:3128');
    expect(variables.HTTPS_PROXY).toBe('http://proxy:3128');
    expect(variables.NO_PROXY?.split(',')).toEqual(
      expect.arrayContaining(['site', '.local', '10.1.0.0/24', '10.96.0.0/16', '.svc']),
    );
    expect(nodeProxy({ no_proxy: 'x' }, []).variables).toEqual({});
  });

  it.each(['localhost:3128', 'http://127.0.0.1:3128', 'http://[::1]:3128'])(
    'stay away when they are %s',
    (http_proxy) => {
      expect(nodeProxy({ http_proxy }, [])).toEqual({ variables: {}, unreachable: ['http_proxy'] });
    },
  );
});
