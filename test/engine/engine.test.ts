import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { waitForContainerd } from '../../src/engine/containerd.ts';
import { identityVariables, projectName } from '../../src/engine/identity.ts';
import { make } from '../../src/engine/make.ts';
import { childEnvironment } from '../../src/process/environment.ts';
import { processesOf, program, scratch, until } from '../process/scratch.ts';

const env = childEnvironment(process.env);
const LONG_MS = 60_000;

function release(makefile: string): string {
  const stage = scratch();
  writeFileSync(join(stage, 'Makefile'), makefile);
  return stage;
}

describe('a make target', () => {
  it("has the node's variables and none of an outer make", async () => {
    const stage = release('show:\n\t@echo $(NODE_NAME) [$(MAKEFLAGS)]\n');
    const { stdout } = await make('show', {
      stage,
      env: { ...env, NODE_NAME: 'u7s-n1', MAKEFLAGS: 'n' },
      timeoutMs: LONG_MS,
    });
    expect(stdout).toMatch(/^u7s-n1 \[[^n]*\]$/m);
  });

  it('that fails shows its exit code and last lines, secrets taken out', async () => {
    const stage = release('bad:\n\t@echo token vyndqi.xb2dq6qyi3l0sxqp; echo what went wrong >&2; exit 3\n');
    await expect(make('bad', { stage, env, timeoutMs: LONG_MS })).rejects.toMatchObject({
      code: 'UNET_STEP_FAILED',
      message: 'make bad exited with 2',
      details: { tail: expect.arrayContaining(['token vyndqi.[secret]', 'what went wrong']) },
    });
  });

  it('that takes too long is ended with all that it started, exit 4', async () => {
    const stage = release(`slow:\n\t@env STAGE=$(CURDIR) sleep 600 & env STAGE=$(CURDIR) sleep 600\n`);
    await expect(make('slow', { stage, env, timeoutMs: 300 })).rejects.toMatchObject({
      code: 'UNET_STEP_TIMEOUT',
      exitCode: 4,
      message: 'make slow took longer than 0.3 s',
    });
    expect(processesOf(stage)).toEqual([]);
  });

  it.each(['write /var/lib/x: No space left on device', 'mkdir: Disk quota exceeded'])(
    'that says "%s" is a full disk',
    async (said) => {
      const stage = release(`up:\n\t@echo '${said}' >&2; exit 1\n`);
      await expect(make('up', { stage, env, timeoutMs: LONG_MS })).rejects.toMatchObject({
        code: 'UNET_DISK_FULL',
        fatal: true,
      });
    },
  );
});

describe('containerd in the node', () => {
  const engine = (compose: string) => ({
    name: 'podman',
    type: 'podman',
    command: ['podman'],
    compose: [compose],
  });

  it('is asked until it answers', async () => {
    const stage = scratch();
    const compose = program(
      stage,
      'compose',
      `#!/bin/sh\ncase "$*" in "exec -T node sh -c n=0; until"*"ctr version; do"*) ;; *) exit 9 ;; esac\necho x >> tries\n[ $(wc -l < tries) -ge 3 ] || { echo 'connection refused' >&2; exit 1; }\n`,
    );
    const lines: string[] = [];
    await waitForContainerd(engine(compose), {
      stage,
      env,
      timeoutMs: LONG_MS,
      signal: new AbortController().signal,
      onLine: (line) => lines.push(line),
    });
    expect(lines).toEqual(Array(2).fill('containerd is not ready yet: connection refused'));
  });

  it('that never answers is an error with what was said last, although a try hangs', async () => {
    const stage = scratch();
    const compose = program(
      stage,
      'compose',
      `#!/bin/sh\n[ -e said ] && exec sleep 600\ntouch said\necho 'connection refused' >&2; exit 1\n`,
    );
    await expect(
      waitForContainerd(engine(compose), {
        stage,
        env,
        timeoutMs: 600,
        signal: new AbortController().signal,
      }),
    ).rejects.toMatchObject({
      code: 'UNET_BOOT_TIMEOUT',
      exitCode: 4,
      details: { tail: ['connection refused'] },
    });
  });

  it('is not asked any more after an interrupt', async () => {
    const stage = scratch();
    const compose = program(stage, 'compose', `#!/bin/sh\nexec env STAGE=${stage} sleep 600\n`);
    const abort = new AbortController();
    const waiting = waitForContainerd(engine(compose), {
      stage,
      env,
      timeoutMs: LONG_MS,
      signal: abort.signal,
    });
    await until(() => processesOf(`STAGE=${stage}`).length > 0);
    abort.abort(new Error('unet down'));
    await expect(waiting).rejects.toThrow('unet down');
    expect(processesOf(`STAGE=${stage}`)).toEqual([]);
  });
});

describe("a node's identity", () => {
  it('is in the documented variables of a release', () => {
    expect(
      identityVariables({
        jobId: 'slurm-42',
        node: 'N1.example',
        hostIp: '10.77.0.11',
        nodeName: 'u7s-n1.example',
        subnet: '10.101.1.0/24',
        ports: { etcd: 1, kubelet: 2, flannel: 3, apiServer: 4 },
      }),
    ).toEqual({
      HOST_IP: '10.77.0.11',
      NODE_NAME: 'u7s-n1.example',
      NODE_SUBNET: '10.101.1.0/24',
      PORT_ETCD: '1',
      PORT_KUBELET: '2',
      PORT_FLANNEL: '3',
      PORT_KUBE_APISERVER: '4',
      QUICK: '1',
      COMPOSE_PROJECT_NAME: 'unet-slurm-42-n1-example',
    });
  });

  it("names the compose project by job and node, in compose's letters", () => {
    expect(projectName('slurm-42', 'N1.example.org')).toMatch(/^[a-z0-9][a-z0-9_-]*$/);
  });
});
