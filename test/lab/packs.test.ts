import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { dockerArchive } from '../pack/image-archives.ts';
import { TIME_SCALE } from '../process/scratch.ts';
import { installUnet } from './install.ts';
import { waitFor } from './lab/deadline.ts';
import { describeLab, type Lab, startLab } from './lab/index.ts';
import { expectNothingLeft } from './nothing-left.ts';

let UNET = '';
const JOB_TIMEOUT = { timeoutMs: 60_000 };

vi.setConfig({ testTimeout: 120_000 * TIME_SCALE });

/** A batch script with this checkout's `unet`, in which everything that would use the internet fails loudly. */
function script(text: string): string {
  return `#!/bin/bash
unet() { node ${UNET} "$@"; }
mkdir -p loud && for name in git curl wget; do
  printf '#!/bin/sh\\necho "the network was used: $0 $*" | tee -a ~/network-was-used; exit 99\\n' > loud/$name
  chmod +x loud/$name
done
export PATH=$PWD/loud:$PATH
${text}
`;
}

describeLab('a pack in Slurm', () => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await startLab({ hosts: 3, login: true });
    UNET = await installUnet(lab);
    const images = join(lab.user.home, 'cni.tar');
    await dockerArchive(images, { name: 'docker.io/x/cni:2', bytes: 300_000 });
    const made = await lab.run(
      lab.login,
      [
        'node',
        UNET,
        'pack',
        '--release',
        'rehearsal',
        '--kubectl',
        'none',
        '--images',
        images,
        '-o',
        'my.pack',
      ],
      { cwd: lab.user.home },
    );
    expect(made.stderr).toContain('next: unet up --pack');
  });

  afterAll(async () => {
    await lab?.[Symbol.asyncDispose]();
  });

  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') {
      const shown = await lab.run(lab.login, ['sh', '-c', 'tail -n 80 ~/slurm-*.out; squeue'], {
        cwd: lab.user.home,
      });
      console.log(shown.stdout);
    }
    await lab.run(lab.login, ['sh', '-c', 'scancel -u $USER; cd; rm -rf slurm-*.out .local loud kept']);
  });

  const used = async () =>
    (await lab.run(lab.login, ['sh', '-c', 'cat ~/network-was-used 2>/dev/null || true'])).stdout;

  /** Runs the job to its end, and looks at what every node has said in a step. */
  const job = async (text: string, nodes = 3) => {
    const id = await lab.sbatch(script(text), { nodes });
    return await lab.waitForJob(id, JOB_TIMEOUT);
  };

  it('is read by all nodes where it lies, and the cluster comes up without the network', async () => {
    const { output, exitCode } = await job(
      `unet run --pack my.pack -- sh -c 'kubectl get nodes; cat $UNET_JOB_DIRECTORY/logs/n*/load.log $UNET_JOB_DIRECTORY/logs/n*/images.log'`,
    );
    expect(output).toMatch(/the pack \S+my\.pack is verified/);
    expect(output).toMatch(/u7s-n2\s+Ready/);
    expect(output.match(/localhost\/unet-node:\w+: 67\.5 KiB loaded/g)).toHaveLength(3);
    expect(output.match(/unpacking docker\.io\/x\/cni:2/g)).toHaveLength(3);
    expect(exitCode).toBe(0);
    expect(await used()).toBe('');
    await expectNothingLeft(lab);
  });

  it('that only the first node sees is broadcast by sbcast', async () => {
    const { output, exitCode } = await job(`mkdir -m 700 /tmp/mine && cp my.pack /tmp/mine
      unet run --pack /tmp/mine/my.pack -- sh -c 'kubectl get nodes; cat $UNET_JOB_DIRECTORY/logs/n*/load.log'; code=$?
      rm -r /tmp/mine; exit $code`);
    expect(output).toMatch(/u7s-n2\s+Ready/);
    expect(output.match(/67\.5 KiB loaded/g)).toHaveLength(3);
    expect(output).not.toContain('the pack is read from');
    expect(exitCode).toBe(0);
    expect(await used()).toBe('');
    await expectNothingLeft(lab);
  });

  it('of which a broadcast fails is read by all nodes, with a warning', async () => {
    const { output, exitCode } = await job(`printf '#!/bin/sh\\nexit 7\\n' > loud/sbcast; chmod +x loud/sbcast
      unet run --pack my.pack --pack-readers 1 -- kubectl get nodes`);
    expect(output).toMatch(/warning: the pack is read from \S+my\.pack: sbcast exited with 7/);
    expect(output).toMatch(/u7s-n2\s+Ready/);
    expect(exitCode).toBe(0);
    await expectNothingLeft(lab);
  });

  it('on part of a job is not broadcast, and what does not see it is named', async () => {
    const { output, exitCode } = await job(`mkdir -m 700 /tmp/mine && cp my.pack /tmp/mine
      unet run --nodes 2 --pack /tmp/mine/my.pack -- true; code=$?
      rm -r /tmp/mine; exit $code`);
    expect(output).toContain('UNET_PACK_UNREACHABLE on n1: n1 does not see /tmp/mine/my.pack');
    expect(exitCode).toBe(3);
    await expectNothingLeft(lab, { keptLogs: true });
  });

  it('that is damaged is refused before an agent is started', async () => {
    const { output, exitCode } = await job(`cp my.pack bad.pack
      printf x | dd of=bad.pack bs=1 seek=400000 conv=notrunc status=none
      unet up --pack bad.pack; code=$?; sacct -n >/dev/null 2>&1; rm bad.pack; exit $code`);
    expect(output).toContain('UNET_PACK_CHECKSUM');
    expect(output).not.toContain('stage');
    expect(exitCode).toBe(3);
    await expectNothingLeft(lab, { keptLogs: true });
  });

  describe('leaves nothing when the job is cancelled', () => {
    it('in the middle of a broadcast', async () => {
      const id = await lab.sbatch(
        script(`real=$(command -v sbcast)
          printf '#!/bin/sh\\n%s "$@"; echo sbcast has written > ~/written; exec sleep 600\\n' $real > loud/sbcast; chmod +x loud/sbcast
          unet run --pack my.pack --pack-via sbcast -- true`),
        { nodes: 3 },
      );
      await waitFor(
        'sbcast to have written',
        async () =>
          (await lab.run(lab.login, ['sh', '-c', 'cat ~/written'])).stdout.includes('written')
            ? true
            : undefined,
        { timeoutMs: 40_000, everyMs: 100 },
      );
      expect((await lab.files('n2')).some((path) => path.endsWith('.pack.incoming'))).toBe(true);
      await lab.run(lab.login, ['scancel', id]);
      await lab.run(lab.login, ['sh', '-c', 'rm -f ~/written']);
      await expectNothingLeft(lab, { keptLogs: true });
    });
  });
});
