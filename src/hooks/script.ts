/** The text of a prolog or epilog: POSIX shell, which does nothing for who does not ask, and drops root before it runs unet. */
import { createHash } from 'node:crypto';
import type { Scheduler } from './allocation.ts';
import type { When } from './kinds.ts';

export type ScriptOptions = {
  scheduler: Scheduler;
  when: When;
  version: string;
  /** Absolute paths of this very Node and unet. */
  node: string;
  unet: string;
  /** Absolute path of flux. */
  flux?: string | undefined;
  /** PATH of what runs as the user. */
  path: string;
  /** Whole seconds that it may take. */
  deadline: number;
  /** A prolog that fails for a reason of ours fails the job. Otherwise only who reads the log sees it. */
  failJob: boolean;
  /** Slurm before 22.05 gives a prolog no comment: it is asked of slurmctld, on every node of every job. */
  askSlurmctld: boolean;
};

/** What the second line of a script says of it. `edited`: its text is not the one that was written. */
export type ScriptMark = { scheduler: Scheduler; when: When; version: string; edited: boolean };

export function hookScript(options: ScriptOptions): string {
  const body = [SETTINGS(options), COMMON, BODIES[options.scheduler][options.when](options)].join('\n');
  const { scheduler, when, version } = options;
  return `#!/bin/sh\n# unet-hook ${scheduler}-${when} ${version} ${checksum(body)}\n${body}`;
}

/** Undefined: it is none of ours. */
export function readMark(text: string): ScriptMark | undefined {
  const match = /^#![^\n]*\n# unet-hook (slurm|flux)-(prolog|epilog) (\S+) ([0-9a-f]{64})\n/.exec(text);
  if (match === null) {
    return undefined;
  }
  const [head, scheduler, when, version = '', sum] = match;
  return {
    scheduler: scheduler as Scheduler,
    when: when as When,
    version,
    edited: checksum(text.slice(head.length)) !== sum,
  };
}

/** What a script of ours runs: a NAME='VALUE' line of it. */
export function readSetting(text: string, name: string): string | undefined {
  const value = new RegExp(`^${name}='(.*)'$`, 'm').exec(text)?.[1];
  return value?.replaceAll("'\\''", "'");
}

function checksum(body: string): string {
  return createHash('sha256').update(body).digest('hex');
}

function SETTINGS({ node, unet, flux, path, deadline, failJob, scheduler, when }: ScriptOptions): string {
  const lines = [
    '# Written by "unet hooks install"; the next one refuses to overwrite what was edited. See docs/hooks.md of unet.',
    `hook=${quoted(`${scheduler} ${when}`)}`,
    `node=${quoted(node)}`,
    `unet=${quoted(unet)}`,
    `path=${quoted(path)}`,
    `deadline=${quoted(String(deadline))}`,
    `fail_job=${quoted(failJob ? 'yes' : 'no')}`,
    ...(flux === undefined ? [] : [`flux=${quoted(flux)}`]),
  ];
  return `${lines.join('\n')}\n`;
}

const COMMON = `PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH
umask 077

# A reason of ours is none for the job: Slurm drains a node whose prolog fails, Flux raises an exception.
give_up() {
  echo "unet $hook: $1" >&2
  if command -v logger > /dev/null; then logger -t "unet $hook" -p daemon.warning -- "$1" || :; fi
  if [ "$fail_job" = yes ]; then exit 1; fi
  exit 0
}

# as_user UID DIRECTORY [NAME=VALUE...] -- ARGS: unet as that user, with nothing of this environment.
as_user() {
  uid=$1 directory=$2
  shift 2
  entry=$(getent passwd "$uid") || give_up "there is no user $uid here"
  IFS=: read -r name _ _ gid _ home _ << EOF
$entry
EOF
  # setpriv opens no PAM session, which would last as long as the agent. Not --no-new-privs: newuidmap needs its own.
  drop=
  if [ "$(id -u)" = 0 ]; then
    drop="setpriv --reuid=$uid --regid=$gid --init-groups --inh-caps=-all --"
  elif [ "$(id -u)" != "$uid" ]; then
    give_up "this is not root, and the job is of user $uid"
  fi
  # In the foreground: a signal to the script's process group is one to unet too.
  timeout --foreground --kill-after=5 "$deadline" $scope $drop \\
    env -i PATH="$path" HOME="$home" USER="$name" LOGNAME="$name" SHELL=/bin/sh LANG=C.UTF-8 \\
    sh -c 'cd "$1" 2> /dev/null || cd "$HOME" 2> /dev/null || cd /; shift; exec env "$@"' sh "$directory" "$@"
}
scope=
`;

type Body = (options: ScriptOptions) => string;

const ASK_SLURMCTLD = `if [ -z "\${SLURM_JOB_COMMENT-}" ]; then
  SLURM_JOB_COMMENT=$(timeout 10 env PATH="$path" scontrol show job -o "$SLURM_JOB_ID" 2> /dev/null |
    sed -n 's/^.* Comment=\\(.*\\) StdErr=.*$/\\1/p')
fi
`;

const SLURM_VARIABLES = `"SLURM_JOB_ID=$SLURM_JOB_ID" \${SLURM_CONF+"SLURM_CONF=$SLURM_CONF"} \\
  \${SLURMD_NODENAME+"SLURMD_NODENAME=$SLURMD_NODENAME"} \${SLURM_NODELIST+"SLURM_NODELIST=$SLURM_NODELIST"} \\
  \${SLURM_JOB_NODELIST+"SLURM_JOB_NODELIST=$SLURM_JOB_NODELIST"} \\
  \${SLURM_JOB_CONSTRAINTS+"SLURM_JOB_CONSTRAINTS=$SLURM_JOB_CONSTRAINTS"}`;

const slurmProlog: Body = ({ askSlurmctld }) => `
if [ -z "\${SLURM_JOB_ID-}" ] || [ -z "\${SLURM_JOB_UID-}" ]; then give_up 'Slurm names no job'; fi
${askSlurmctld ? ASK_SLURMCTLD : ''}case "\${SLURM_JOB_COMMENT-} \${SLURM_JOB_CONSTRAINTS-}" in
*usernetes*) ;;
*) exit 0 ;;
esac
printf '%s' "\${SLURM_JOB_COMMENT-}" | as_user "$SLURM_JOB_UID" "\${SLURM_JOB_WORK_DIR-/}" ${SLURM_VARIABLES} \\
  "$node" "$unet" node up --scheduler slurm || give_up "job $SLURM_JOB_ID gets no cluster (exit code $?)"
exit 0
`;

const slurmEpilog: Body = () => `
if [ -z "\${SLURM_JOB_ID-}" ] || [ -z "\${SLURM_JOB_UID-}" ]; then exit 0; fi
if [ ! -e "/tmp/unet-$SLURM_JOB_UID/slurm-$SLURM_JOB_ID" ]; then exit 0; fi
as_user "$SLURM_JOB_UID" / ${SLURM_VARIABLES} \\
  "$node" "$unet" node down --scheduler slurm --deadline "$((deadline - deadline / 6))s" < /dev/null ||
  give_up "something of job $SLURM_JOB_ID is left (exit code $?)"
exit 0
`;

// "flux job info" is one question to rank 0 for each node, as the job's shell asks it too.
const fluxProlog: Body = () => `
if [ -z "\${FLUX_JOB_ID-}" ] || [ -z "\${FLUX_JOB_USERID-}" ]; then give_up 'Flux names no job'; fi
jobspec=$(timeout "$deadline" "$flux" job info "$FLUX_JOB_ID" jobspec) || give_up "no jobspec of $FLUX_JOB_ID"
case $jobspec in
*'"usernetes"'*) ;;
*) exit 0 ;;
esac
# flux-prolog@.service ends what is left in its control group when the script has ended.
if [ -d /run/systemd/system ] && command -v systemd-run > /dev/null; then
  scope='systemd-run --quiet --scope --collect --'
fi
printf '%s' "$jobspec" | as_user "$FLUX_JOB_USERID" / "FLUX_JOB_ID=$FLUX_JOB_ID" \${FLUX_URI+"FLUX_URI=$FLUX_URI"} \\
  "$node" "$unet" node up --scheduler flux || give_up "job $FLUX_JOB_ID gets no cluster (exit code $?)"
exit 0
`;

const fluxEpilog: Body = () => `
if [ -z "\${FLUX_JOB_ID-}" ] || [ -z "\${FLUX_JOB_USERID-}" ]; then exit 0; fi
decimal=$("$flux" job id --to=dec "$FLUX_JOB_ID") || exit 0
if [ ! -e "/tmp/unet-$FLUX_JOB_USERID/flux-$decimal" ]; then exit 0; fi
as_user "$FLUX_JOB_USERID" / "FLUX_JOB_ID=$FLUX_JOB_ID" \${FLUX_URI+"FLUX_URI=$FLUX_URI"} \\
  "$node" "$unet" node down --scheduler flux --deadline "$((deadline - deadline / 6))s" < /dev/null
left=$?
# The job's namespace has become a part of its record, which is the instance owner's.
record=$("$flux" job id --to=kvs "$FLUX_JOB_ID") &&
  timeout 10 "$flux" kvs unlink -R -f "$record.guest.unet" > /dev/null 2>&1
if [ "$left" != 0 ]; then give_up "something of job $FLUX_JOB_ID is left (exit code $left)"; fi
exit 0
`;

const BODIES: Record<Scheduler, Record<When, Body>> = {
  slurm: { prolog: slurmProlog, epilog: slurmEpilog },
  flux: { prolog: fluxProlog, epilog: fluxEpilog },
};

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
