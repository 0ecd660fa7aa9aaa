/** Whether a process lives. */
import { readFileSync } from 'node:fs';

/** False also for a zombie: in many containers process 1 does not look after orphans that have ended. */
export function isAlive(pid: number): boolean {
  return isLivingState(processState(pid));
}

export type ProcessState = { state: string; group: number };

/** proc_pid_stat(5): pid (comm) state ppid pgrp …; comm may have anything in it. Undefined when there is no such process. */
export function processState(pid: number | string): ProcessState | undefined {
  try {
    const [state = '', , group] = (readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1) ?? '').split(
      ' ',
    );
    return { state, group: Number(group) };
  } catch {
    return undefined;
  }
}

export function isLivingState(process: ProcessState | undefined): boolean {
  return process !== undefined && process.state !== 'Z' && process.state !== 'X';
}
