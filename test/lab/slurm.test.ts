import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeLab, type Lab, startLab } from './lab/index.ts';
import { expectNothingLeft } from './nothing-left.ts';

const UNET = join(import.meta.dirname, '../../bin/unet.js');
const SETUP = `alias() { :; }\nunet() { node ${UNET} "$@"; }\nexport UNET_RELEASE=rehearsal\n`;

describeLab('in a Slurm job', () => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await startLab({ hosts: 3, login: true });
  });

  afterAll(async () => {
    await lab?.[Symbol.asyncDispose]();
  });

  it('a batch script with unet run gets a cluster of all nodes, and the exit code of its command', async () => {
    const id = await lab.sbatch(`${SETUP}unet run -- sh -c 'echo "$UNET_JOB_NODES"; kubectl get nodes; exit 7'`, { nodes: 3 });
    const { output, exitCode } = await lab.waitForJob(id, { timeoutMs: 60_000 });
    console.log(output);
    expect(output).toContain('n0 n1 n2');
    expect(output).toMatch(/u7s-n2\s+Ready/);
    expect(exitCode).toBe(7);
    await expectNothingLeft(lab);
  });
});
