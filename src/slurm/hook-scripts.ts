/** The part of Slurm's prolog and epilog that is its own: POSIX shell, in which src/hooks/script.ts has defined as_user and give_up. */
import type { HookBodyOptions, HookName } from '../scheduler/hooks.ts';

export function slurmHookBody(hook: HookName, options: HookBodyOptions): string {
  return hook === 'prolog' ? prolog(options) : epilog();
}

const ASK_SLURMCTLD = `if [ -z "\${SLURM_JOB_COMMENT-}" ]; then
  SLURM_JOB_COMMENT=$(timeout 10 env PATH="$path" scontrol show job -o "$SLURM_JOB_ID" 2> /dev/null |
    sed -n 's/^.* Comment=\\(.*\\) StdErr=.*$/\\1/p')
fi
`;

const SLURM_VARIABLES = `"SLURM_JOB_ID=$SLURM_JOB_ID" \${SLURM_CONF+"SLURM_CONF=$SLURM_CONF"} \\
  \${SLURMD_NODENAME+"SLURMD_NODENAME=$SLURMD_NODENAME"} \${SLURM_NODELIST+"SLURM_NODELIST=$SLURM_NODELIST"} \\
  \${SLURM_JOB_NODELIST+"SLURM_JOB_NODELIST=$SLURM_JOB_NODELIST"} \\
  \${SLURM_JOB_CONSTRAINTS+"SLURM_JOB_CONSTRAINTS=$SLURM_JOB_CONSTRAINTS"}`;

const prolog = ({ askSlurmctld }: HookBodyOptions) => `
if [ -z "\${SLURM_JOB_ID-}" ] || [ -z "\${SLURM_JOB_UID-}" ]; then give_up 'Slurm names no job'; fi
${askSlurmctld ? ASK_SLURMCTLD : ''}case "\${SLURM_JOB_COMMENT-} \${SLURM_JOB_CONSTRAINTS-}" in
*usernetes*) ;;
*) exit 0 ;;
esac
printf '%s' "\${SLURM_JOB_COMMENT-}" | as_user "$SLURM_JOB_UID" "\${SLURM_JOB_WORK_DIR-/}" ${SLURM_VARIABLES} \\
  "$node" "$unet" node up --scheduler slurm || give_up "job $SLURM_JOB_ID gets no cluster (exit code $?)"
exit 0
`;

const epilog = () => `
if [ -z "\${SLURM_JOB_ID-}" ] || [ -z "\${SLURM_JOB_UID-}" ]; then exit 0; fi
here="unet-$SLURM_JOB_UID/slurm-$SLURM_JOB_ID"
if [ ! -e "/tmp/$here" ] && [ ! -e "/dev/shm/$here" ]; then exit 0; fi
as_user "$SLURM_JOB_UID" / ${SLURM_VARIABLES} \\
  "$node" "$unet" node down --scheduler slurm --deadline "$((deadline - deadline / 6))s" < /dev/null ||
  give_up "something of job $SLURM_JOB_ID is left (exit code $?)"
exit 0
`;
