/** The text of a prolog or epilog: POSIX shell, which does nothing for who does not ask, and drops root before it runs unet. */
import { createHash } from 'node:crypto';
import { shellQuote } from '../process/quote.ts';
import { HOOKS, type HookName } from '../scheduler/hooks.ts';
import { HOOK_SCHEDULERS, type HookScheduler, hooksOf } from './schedulers.ts';

export type ScriptOptions = {
  scheduler: HookScheduler;
  when: HookName;
  version: string;
  /** Absolute paths of this very Node and unet. */
  node: string;
  unet: string;
  /** Absolute path of the scheduler's command, where its script needs one. */
  program: string;
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
export type ScriptMark = { scheduler: HookScheduler; when: HookName; version: string; edited: boolean };

const MARK = new RegExp(
  `^#![^\\n]*\\n# unet-hook (${HOOK_SCHEDULERS.join('|')})-(${HOOKS.join('|')}) (\\S+) ([0-9a-f]{64})\\n`,
);

export function hookScript(options: ScriptOptions): string {
  const body = [SETTINGS(options), COMMON, hooksOf(options.scheduler).body(options.when, options)].join('\n');
  const { scheduler, when, version } = options;
  return `#!/bin/sh\n# unet-hook ${scheduler}-${when} ${version} ${checksum(body)}\n${body}`;
}

/** Undefined: it is none of ours. */
export function readMark(text: string): ScriptMark | undefined {
  const match = MARK.exec(text);
  if (match === null) {
    return undefined;
  }
  const [head, scheduler, when, version = '', sum] = match;
  return {
    scheduler: scheduler as HookScheduler,
    when: when as HookName,
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

function SETTINGS({ node, unet, program, path, deadline, failJob, scheduler, when }: ScriptOptions): string {
  const { inScript } = hooksOf(scheduler).program;
  const lines = [
    '# Written by "unet hooks install"; the next one refuses to overwrite what was edited. See docs/hooks.md of unet.',
    `hook=${shellQuote(`${scheduler} ${when}`)}`,
    `node=${shellQuote(node)}`,
    `unet=${shellQuote(unet)}`,
    `path=${shellQuote(path)}`,
    `deadline=${shellQuote(String(deadline))}`,
    `fail_job=${shellQuote(failJob ? 'yes' : 'no')}`,
    ...(inScript === undefined ? [] : [`${inScript}=${shellQuote(program)}`]),
  ];
  return `${lines.join('\n')}\n`;
}

const COMMON = `PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH
umask 077

# A reason of ours is none for the job: Slurm drains a node whose prolog fails, Flux raises an exception.
tell() {
  echo "unet $hook: $1" >&2
  if command -v logger > /dev/null; then logger -t "unet $hook" -p daemon.warning -- "$1" || :; fi
}
give_up() {
  tell "$1"
  if [ "$fail_job" = yes ]; then exit 1; fi
  exit 0
}

# as_user UID DIRECTORY [NAME=VALUE...] ARGS: a command as that user, with nothing of this environment. What it says goes to standard
# error; with wants=answer its standard output is this one's, and its errors are left out.
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
  # A file, not the scheduler's pipe: a process of the user that keeps that open would keep the job from its end.
  said=$(mktemp /tmp/unet-hook.XXXXXXXXXX 2> /dev/null) || said=
  errors=$said
  if [ "$wants" = answer ]; then errors=; fi
  # In the foreground: a signal to the script's process group is one to unet too.
  code=0
  timeout --foreground --kill-after=5 "$deadline" $scope $drop \\
    env -i PATH="$path" HOME="$home" USER="$name" LOGNAME="$name" SHELL=/bin/sh LANG=C.UTF-8 \\
    sh -c 'cd "$1" 2> /dev/null || cd "$HOME" 2> /dev/null || cd /; shift; exec env "$@"' sh "$directory" "$@" \\
    >> "\${said:-/dev/null}" 2>> "\${errors:-/dev/null}" || code=$?
  if [ -n "$said" ]; then
    if [ "$wants" = answer ]; then cat "$said"; else head -c 65536 "$said" >&2; fi
    rm -f "$said"
  fi
  return "$code"
}
scope=
wants=
`;
