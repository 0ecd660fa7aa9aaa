/** Telling a process on this machine from another one that has got its number, or lives in another container. */
import { readFileSync, readlinkSync } from 'node:fs';
import * as z from 'zod';
import { isAlive } from './alive.ts';

/** A process of any machine. Not by the name of its host, which several hosts may have. */
export const ProcessIdentity = z.object({
  /** Of the machine's start, so that numbers of another machine or before a reboot mean nothing here. */
  boot: z.string(),
  /** The namespace in which `pid` is a number. */
  namespace: z.string(),
  pid: z.number(),
  /** In clock ticks since boot, proc_pid_stat(5). */
  start: z.string(),
});
export type ProcessIdentity = z.infer<typeof ProcessIdentity>;

/** A process of this host: its number, and when it was started in clock ticks since boot. */
export const ProcessStart = z.object({ pid: z.number().int().positive(), start: z.string() });
export type ProcessStart = z.infer<typeof ProcessStart>;

export function ownIdentity(): ProcessIdentity {
  const { boot, namespace } = here();
  return { boot, namespace, pid: process.pid, start: startOf(process.pid) ?? '' };
}

/** Whether the process is known to have ended; false where that cannot be told: another machine or container. */
export function hasEnded(identity: ProcessIdentity): boolean {
  return isLocal(identity) && !isSameProcess(identity);
}

/** Whether the process lives, in this very process namespace; false where that cannot be told. */
export function runsHere(identity: ProcessIdentity): boolean {
  return isLocal(identity) && isSameProcess(identity);
}

/** The boot id of this machine, random(4); empty where it cannot be read. */
export function ownBoot(): string {
  return here().boot;
}

function isLocal(identity: ProcessIdentity): boolean {
  const { boot, namespace } = here();
  return boot !== '' && identity.boot === boot && identity.namespace === namespace;
}

/** One that nobody knows is one that cannot be compared. */
function here(): { boot: string; namespace: string } {
  try {
    return {
      boot: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
      namespace: readlinkSync('/proc/self/ns/pid'),
    };
  } catch {
    return { boot: '', namespace: '' };
  }
}

/** When the process was started, in clock ticks since boot; undefined when there is none. */
export function startOf(pid: number): string | undefined {
  try {
    return startTimeOf(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return undefined;
  }
}

/** Reads proc_pid_stat(5): behind the name in parentheses, which may have anything in it, field 22 is the 20th. */
export function startTimeOf(stat: string): string | undefined {
  return (stat.split(') ').at(-1) ?? '').split(' ')[19];
}

/** Whether the process that was started at `start` still runs on this host: numbers of processes are used again. */
export function isSameProcess({ pid, start }: { pid: number; start?: string | undefined }): boolean {
  return start !== undefined && isAlive(pid) && startOf(pid) === start;
}
