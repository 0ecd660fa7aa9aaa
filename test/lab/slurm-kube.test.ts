/** A template's objects as a job of Slurm. */

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { TIME_SCALE } from '../process/scratch.ts';
import { installUnet } from './install.ts';
import { describeLab, type Lab, startLab } from './lab/index.ts';
import { expectNothingLeft } from './nothing-left.ts';

const JOB_TIMEOUT = { timeoutMs: 90_000 };
const EXAMPLES = join(import.meta.dirname, '../../scripts/examples');

vi.setConfig({ testTimeout: 180_000 * TIME_SCALE });

describeLab('unet kube in Slurm', () => {
  let lab: Lab;
  let unet = '';

  beforeAll(async () => {
    lab = await startLab({ hosts: 2, login: true });
    unet = await installUnet(lab);
    const template = await readFile(join(EXAMPLES, 'kube-template.yaml'), 'utf8');
    await writeFile(join(lab.user.home, 'kube-template.yaml'), template);
  });

  afterAll(async () => {
    await lab?.[Symbol.asyncDispose]();
  });

  const script = (text: string) =>
    `#!/bin/bash\nunet() { node ${unet} "$@"; }\nexport UNET_RELEASE=rehearsal\n${text}\n`;

  it('runs the example template in the cluster of the allocation; its log is the job’s output, its exit code too', async () => {
    const id = await lab.sbatch(
      script(`unet up && eval "$(unet env)"
        unet kube run ./kube-template.yaml -o '{"COMMAND": "echo said by $((6*7)); exit 9", "IMAGE": "busybox"}'
        code=$?
        kubectl get jobs,pods -l unet/kube-job -o name | sed 's/^/left: /'
        unet down
        exit $code`),
      { nodes: 2 },
    );
    const { output, exitCode } = await lab.waitForJob(id, JOB_TIMEOUT);
    expect(output).toContain('said by 42');
    expect(output).toMatch(/Job command-\S+ failed: .* \(exit code 9\)/);
    expect(output).not.toContain('left: ');
    expect(exitCode).toBe(9);
    await expectNothingLeft(lab);
  });

  it('scancel of the step deletes the objects', async () => {
    const id = await lab.sbatch(
      script(`unet up && eval "$(unet env)"
        srun --overlap -n1 -N1 --job-name=kube node ${unet} kube run ./kube-template.yaml \\
          -o '{"COMMAND": "echo begun; sleep 300", "IMAGE": "busybox"}' > kube.log 2>&1 &
        until grep -q begun kube.log; do sleep 0.1; done
        step=$(squeue -s -h -j $SLURM_JOB_ID -o '%i %j' | awk '$2 == "kube" { print $1 }')
        scancel --signal=TERM $step
        wait $!
        echo "code: $?"
        until [ -z "$(kubectl get cm,jobs,pods -l unet/kube-job -o name)" ]; do sleep 0.2; done
        cat kube.log
        unet down`),
      { nodes: 2 },
    );
    const { output } = await lab.waitForJob(id, JOB_TIMEOUT);
    expect(output).toContain('interrupted by SIGTERM');
    expect(output).toContain('code: 143');
    await expectNothingLeft(lab);
  });
});
