/** The scheduler's job that this process runs in, by its variables. */

/** `slurm 4711`, `flux fFRA1wV`; undefined outside of jobs. */
export function schedulerJob(env: NodeJS.ProcessEnv): string | undefined {
  if (env.FLUX_JOB_ID) {
    return `flux ${env.FLUX_JOB_ID}`;
  }
  return env.SLURM_JOB_ID ? `slurm ${env.SLURM_JOB_ID}` : undefined;
}
