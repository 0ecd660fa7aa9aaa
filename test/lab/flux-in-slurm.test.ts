import { execFileSync } from 'node:child_process';
import { dirname } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { TIME_SCALE } from '../process/scratch.ts';
import { fluxUnavailable } from './flux-instance.ts';
import { installUnet } from './install.ts';
import { type Lab, labUnavailable, startLab } from './lab/index.ts';
import { expectNothingLeft } from './nothing-left.ts';

vi.setConfig({ testTimeout: 120_000 * TIME_SCALE, hookTimeout: 120_000 * TIME_SCALE });

const JOB_TIMEOUT = { timeoutMs: 60_000 };

/** Slurm's side of the brokers' bootstrap, a library that flux loads; slurmctld has its plugin in any case. */
function pmiUnavailable(): string | undefined {
  const known = execFileSync('/sbin/ldconfig', ['-p'], { encoding: 'utf8' });
  return known.includes('libpmi2.so.0') ? undefined : "Slurm's libpmi2 is not installed";
}

const unavailable = fluxUnavailable() ?? labUnavailable() ?? pmiUnavailable();
if (unavailable !== undefined) {
  console.warn(`the scenarios of Flux in Slurm are skipped: ${unavailable}`);
}

describe.skipIf(unavailable !== undefined)('under srun flux start', () => {
  let lab: Lab;
  let head = '';

  beforeAll(async () => {
    lab = await startLab({ hosts: 3, login: true });
    const unet = await installUnet(lab);
    const flux = dirname(execFileSync('sh', ['-c', 'command -v flux'], { encoding: 'utf8' }).trim());
    head = `#!/bin/bash
export PATH=${flux}:$PATH UNET_RELEASE=rehearsal
unet() { node ${unet} "$@"; }
export -f unet
`;
  });

  afterAll(async () => {
    await lab?.[Symbol.asyncDispose]();
  });

  it('the Flux instance is the allocation, and nothing is left of either', async () => {
    const program = `bash -c 'unet run -- bash -c "unet attr job-id; kubectl get nodes"; exit $?'`;
    const id = await lab.sbatch(`${head}srun -N3 -n3 --mpi=pmi2 flux start ${program}\n`, { nodes: 3 });
    const { output, exitCode } = await lab.waitForJob(id, JOB_TIMEOUT);
    expect(output).toMatch(/3 nodes of flux \(n0, n1, n2\), n0 leads/);
    expect(output).toMatch(/^flux-[0-9a-f]{8}$/m);
    expect(output).toMatch(/u7s-n2\s+Ready/);
    expect(exitCode).toBe(0);
    await expectNothingLeft(lab);
  });

  it('a script that ends without down leaves nothing', async () => {
    const id = await lab.sbatch(`${head}srun -N3 -n3 --mpi=pmi2 flux start bash -c 'unet up'\n`, {
      nodes: 3,
    });
    const { output, exitCode } = await lab.waitForJob(id, JOB_TIMEOUT);
    expect(output).toContain('the cluster is usable');
    expect(exitCode).toBe(0);
    await expectNothingLeft(lab);
  });
});
