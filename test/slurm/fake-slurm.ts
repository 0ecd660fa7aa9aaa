/** Programs named as Slurm's on a PATH of their own, that answer as the recorded ones did. */
import { readFileSync } from 'node:fs';
import { program } from '../process/scratch.ts';

export function recorded(name: string): string {
  return readFileSync(new URL(`../../fixtures/slurm/${name}`, import.meta.url), 'utf8');
}

/** The recorded environment of a batch script, a shell of salloc, a task of srun. */
export function recordedEnvironment(
  name: 'sbatch-env.txt' | 'salloc-env.txt' | 'srun-env.txt',
): Record<string, string> {
  return Object.fromEntries(
    recorded(name)
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
}

/** A PATH with `scontrol show hostnames` and `squeue -o %L`; each checks how it is called. */
export function fakeSlurm(
  directory: string,
  answers: { hostnames?: string; timeLeft?: string; squeue?: string; scontrol?: string } = {},
): string {
  const {
    hostnames = recorded('scontrol-show-hostnames.txt'),
    timeLeft = recorded('squeue-timeleft.txt').split('|')[0],
  } = answers;
  program(
    directory,
    'scontrol',
    answers.scontrol ??
      `#!/bin/sh\n[ "$1 $2" = "show hostnames" ] && [ $# = 3 ] || { echo "bad call: $*" >&2; exit 1; }\ncat <<'END'\n${hostnames}END\n`,
  );
  program(
    directory,
    'squeue',
    answers.squeue ??
      `#!/bin/sh
case "$1 $2 $4 $5" in
'-h -j -o %L') echo '${timeLeft}' ;;
'-h -j -o %A|%i|%T|%U|%L|%N') echo "$3|$3|RUNNING|$(id -u)|${timeLeft}|n[0-2]" ;;
*)
  echo "bad call: $*" >&2
  exit 1
  ;;
esac
`,
  );
  return `${directory}:${process.env.PATH}`;
}

/** `scontrol show hostnames` of `count` nodes. */
export function manyHostnames(count: number): string {
  return Array.from({ length: count }, (_, index) => `n${index}\n`).join('');
}
