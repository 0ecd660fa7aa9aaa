import { readFileSync } from 'node:fs';

/** proc(5): starttime counts in these, wherever Linux runs (sysconf(_SC_CLK_TCK) is 100). */
const tickMs = 10;

/** make itself, or the shell of a recipe line with a pipe in it. */
const generations = 2;

/**
 * When the step began that this client is a part of, milliseconds since the epoch: with its make, to 10 ms; with this process
 * where there is none.
 */
export function stepStartedAt(): number {
  try {
    let pid = process.env.UNET_REHEARSAL_PARENT ?? '';
    for (let generation = 0; generation < generations; generation += 1) {
      const [, name, rest = ''] =
        /^\d+ \((.*)\) (.*)$/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
      const fields = rest.split(' ');
      if (name === 'make') return Date.now() - uptimeMs() + Number(fields[19]) * tickMs;
      pid = fields[1] ?? '';
    }
  } catch {
    // It has ended, or there is no /proc.
  }
  return performance.timeOrigin;
}

function uptimeMs(): number {
  return Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 1000;
}
