import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { detectEngine } from '../../src/engine/detect.ts';
import { describeEngine, engineVariables } from '../../src/engine/engine.ts';
import type { Environment } from '../../src/process/environment.ts';
import { processesOf, program, scratch } from '../process/scratch.ts';

const LONG_MS = 60_000;
/** What the stand-ins for engines run themselves. */
const SYSTEM = ['sh', 'cat', 'sleep', 'bash', 'env'];

const PODMAN_INFO = {
  host: { security: { rootless: true } },
  store: {
    graphDriverName: 'overlay',
    graphRoot: '/home/me/.local/share/containers/storage',
    runRoot: '/run/user/1000/containers',
  },
  version: { Version: '4.3.1' },
};
const DOCKER_INFO = {
  ServerVersion: '20.10.24+dfsg1',
  SecurityOptions: ['name=seccomp,profile=default', 'name=rootless'],
};

/** A machine with these programs and no others: what each prints for its first words, and its exit code. */
function machine(programs: Record<string, Record<string, string>>) {
  const directory = scratch();
  for (const name of SYSTEM) {
    symlinkSync(`/bin/${name}`, join(directory, name));
  }
  for (const [name, answers] of Object.entries(programs)) {
    const cases = Object.entries(answers).map(([words, script], index) => {
      writeFileSync(join(directory, `${name}.${index}`), script);
      return `"${words}"*) . ${directory}/${name}.${index} ;;`;
    });
    program(
      directory,
      name,
      `#!/bin/sh\ncase "$*" in\n${cases.join('\n')}\n*) echo "unknown: $*" >&2; exit 1 ;;\nesac\n`,
    );
  }
  const env: Environment = { PATH: directory, HOME: directory };
  return { directory, env };
}

const says = (text: string) => `cat <<'END'\n${text}\nEND\n`;
const fails = (text: string, code = 1) => `echo '${text}' >&2; exit ${code}\n`;
const podman = (info: object = PODMAN_INFO) => ({ info: says(JSON.stringify(info)) });
const podmanCompose = (version: string) => ({ version: says(version) });

type Asked = Partial<Parameters<typeof detectEngine>[1]>;

function detect(here: ReturnType<typeof machine>, asked: Asked = {}) {
  return detectEngine(here.directory, { engine: 'auto', env: here.env, timeoutMs: LONG_MS, ...asked });
}

describe('the container engine', () => {
  it('is podman with podman-compose, when both answer', async () => {
    const here = machine({
      podman: podman(),
      'podman-compose': podmanCompose('podman-compose version 1.3.0\npodman version 4.3.1'),
    });
    const engine = await detect(here);
    expect(describeEngine(engine)).toBe('podman 4.3.1, rootless, podman-compose 1.3.0');
    expect(engine.facts?.store?.driver).toBe('overlay');
    expect(engineVariables(engine)).toEqual({
      CONTAINER_ENGINE: 'podman',
      CONTAINER_ENGINE_TYPE: 'podman',
      COMPOSE: 'podman-compose',
    });
  });

  it('is docker with its plugin, or where that is missing with docker-compose 1.29', async () => {
    const docker = { info: says(JSON.stringify(DOCKER_INFO)) };
    const plugin = { ...docker, 'compose version': says('Docker Compose version v2.24.5') };
    expect(describeEngine(await detect(machine({ docker: plugin })))).toBe(
      'docker 20.10.24, rootless, docker compose 2.24.5'.replace('20.10.24', '20.10.24+dfsg1'),
    );
    const old = {
      docker: { ...docker, 'compose version': fails("docker: 'compose' is not a docker command.") },
      'docker-compose': {
        version: says('docker-compose version 1.29.2, build unknown\ndocker-py version: 5.0.3'),
      },
    };
    expect((await detect(machine(old))).compose).toEqual(['docker-compose']);
  });

  it('is nerdctl with its own compose', async () => {
    const here = machine({
      nerdctl: {
        info: says(JSON.stringify({ ServerVersion: 'v1.7.1', SecurityOptions: ['name=seccomp'] })),
        '--version': says('nerdctl version 1.7.6'),
        'compose version': says('nerdctl Compose version v1.7.6'),
      },
    });
    expect(describeEngine(await detect(here))).toBe('nerdctl 1.7.6, rootful, nerdctl compose 1.7.6');
  });

  it('is the one that works, not the one that comes first', async () => {
    const here = machine({
      docker: {
        info: says(
          JSON.stringify({
            ServerVersion: '',
            ServerErrors: ['Cannot connect to the Docker daemon at unix:///var/run/docker.sock.'],
          }),
        ),
      },
      podman: podman(),
      'podman-compose': podmanCompose('podman-compose version 1.3.0'),
    });
    expect((await detect(here)).name).toBe('podman');
    await expect(detect(here, { engine: 'docker' })).rejects.toMatchObject({
      code: 'UNET_ENGINE_MISSING',
      message:
        'docker info reaches no daemon: Cannot connect to the Docker daemon at unix:///var/run/docker.sock.',
    });
  });

  it('that is rootless is preferred', async () => {
    const rootful = { ...DOCKER_INFO, SecurityOptions: [] };
    const here = machine({
      docker: {
        info: says(JSON.stringify(rootful)),
        'compose version': says('Docker Compose version v2.24.5'),
      },
      podman: podman(),
      'podman-compose': podmanCompose('podman-compose version 1.3.0'),
    });
    expect((await detect(here)).name).toBe('podman');
    expect((await detect(here, { engine: 'docker' })).facts?.rootless).toBe(false);
  });

  it('with the podman-compose of Debian 12 is refused with what to do', async () => {
    const said =
      "['podman', '--version', '']\nusing podman version: 4.3.1\npodman-composer version  1.0.3\npodman --version \npodman version 4.3.1";
    const here = machine({ podman: podman(), 'podman-compose': podmanCompose(said) });
    await expect(detect(here)).rejects.toMatchObject({
      code: 'UNET_COMPOSE_OLD',
      exitCode: 3,
      message:
        'podman-compose is 1.0.3, which cannot read the compose file of a release: 1.1 or later is needed',
      details: { remedy: expect.stringMatching(/pip install --user 'podman-compose>=1.1'.*venv/) },
    });
  });

  it('without a compose client is refused with which one it takes', async () => {
    await expect(detect(machine({ podman: podman() }))).rejects.toMatchObject({
      code: 'UNET_COMPOSE_MISSING',
      message: 'podman-compose: podman-compose was not found on PATH',
      details: { remedy: expect.stringContaining('pip install') },
    });
  });

  it('has the compose client that is asked for, held to the same', async () => {
    const here = machine({ podman: podman() });
    const own = join(here.directory, 'own');
    mkdirSync(own);
    const path = program(own, 'podman-compose', '#!/bin/sh\necho podman-compose version $VERSION\n');
    const asked = (version: string) =>
      detect({ ...here, env: { ...here.env, VERSION: version } }, { compose: `${path} --in-pod=1` });
    expect((await asked('1.6.0')).compose).toEqual([path, '--in-pod=1']);
    await expect(asked('1.0.6')).rejects.toMatchObject({ code: 'UNET_COMPOSE_OLD' });
  });

  it('that is too old is refused with the version that is needed', async () => {
    const here = machine({ podman: podman({ ...PODMAN_INFO, version: { Version: '3.0.1' } }) });
    await expect(detect(here)).rejects.toMatchObject({
      code: 'UNET_ENGINE_OLD',
      message: 'podman is 3.0.1, and 4.0 or later is needed',
    });
  });

  it('that does not work says why, and what the others said', async () => {
    const here = machine({
      docker: { info: fails('docker: permission denied') },
      podman: { info: fails('Error: cannot find newuidmap: no subuid ranges found for user', 125) },
    });
    await expect(detect(here)).rejects.toMatchObject({
      code: 'UNET_ENGINE_MISSING',
      message: expect.stringMatching(/^(docker|podman) info exited with/),
      details: { tail: expect.arrayContaining([expect.stringContaining('nerdctl is not on PATH')]) },
    });
    const { message } = (await detect(here, { engine: 'podman' }).catch((error) => error)) as Error;
    expect(message).toBe(
      'podman info exited with 125: Error: cannot find newuidmap: no subuid ranges found for user',
    );
  });

  it('that is not there is said with what to install', async () => {
    await expect(detect(machine({}))).rejects.toMatchObject({
      code: 'UNET_ENGINE_MISSING',
      exitCode: 3,
      message: 'none of docker, nerdctl and podman is on PATH on this node',
    });
    await expect(detect(machine({}), { engine: 'nerdctl' })).rejects.toMatchObject({
      message: 'nerdctl is not on PATH on this node',
    });
  });

  it('that hangs is given up, with all that it started', async () => {
    const here = machine({ podman: { info: 'sleep 600 & sleep 600\n' } });
    await expect(detect(here, { timeoutMs: 300 })).rejects.toMatchObject({
      code: 'UNET_ENGINE_MISSING',
      message: 'podman info took longer than 0.3 s',
    });
    expect(processesOf(`PATH=${here.directory}`)).toEqual([]);
  });

  it('that is podman under the name of docker is not taken for docker', async () => {
    const here = machine({
      docker: {
        info: says(
          '{"host":{"os":"linux"},"store":{"configFile":"/x"},"version":{"Version":"4.3.1 podman"}}',
        ),
      },
    });
    await expect(detect(here)).rejects.toMatchObject({
      code: 'UNET_ENGINE_MISSING',
      message: 'docker is podman by another name',
    });
  });

  it('of a release that brings its own is that one', async () => {
    const here = machine({
      podman: podman(),
      'podman-compose': podmanCompose('podman-compose version 1.3.0'),
    });
    mkdirSync(join(here.directory, 'Makefile.d'));
    const script = join(here.directory, 'Makefile.d', 'detect-container-engine.sh');
    writeFileSync(
      script,
      'echo CONTAINER_ENGINE=own\necho CONTAINER_ENGINE_TYPE=own\necho COMPOSE=/x/own compose\necho ENGINE_COMMAND=/x/own\n',
    );
    expect(await detect(here)).toEqual({
      name: 'own',
      type: 'own',
      command: ['/x/own'],
      compose: ['/x/own', 'compose'],
    });
    // What upstream's script says by names is only a guess.
    writeFileSync(
      script,
      'echo CONTAINER_ENGINE=docker\necho CONTAINER_ENGINE_TYPE=docker\necho "COMPOSE=docker compose"\n',
    );
    expect((await detect(here)).name).toBe('podman');
  });
});
