import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from '../commands.ts';

/** The one loop that a rehearsed node understands: a number of looks for containerd, with pauses. */
const loop =
  /^n=0; until \[ -S \S+ \] && ctr version; do n=\$\(\(n\+1\)\); \[ \$n -lt (\d+) \] \|\| \{ ctr version; exit 1; \}; sleep ([\d.]+); done$/;

export function isLoop([shell = '', flag = '', text = '']: readonly string[]): boolean {
  return /(^|\/)(ba)?sh$/.test(shell) && flag === '-c' && loop.test(text);
}

/** Runs `command` until it succeeds; its exit code is 1 when that was tried as often as the loop says. */
export function untilDone(command: Command): Command {
  return async (run) => {
    const [, looks, pause] = loop.exec(run.args.at(-1) ?? '') ?? [];
    for (let n = 1; (await command(run)) !== 0; n += 1) {
      if (n >= Number(looks)) return 1;
      await delay(Number(pause) * 1000, undefined, { signal: run.signal });
    }
    return 0;
  };
}
