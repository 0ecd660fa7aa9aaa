/** What runs on behalf of one bring-up: everything whose arguments, directory or environment name its directory. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

// sysconf(_SC_CLK_TCK): 100 wherever Linux runs.
const TICK_MS = 10;

/** Processes that belong to `directory`, but for this one. */
export function processesOf(directory) {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) =>
      [read(pid, 'cmdline'), read(pid, 'environ'), cwd(pid)].some((text) => text.includes(directory)),
    )
    .map((pid) => describe(pid))
    .filter(({ role }) => role !== 'zombie');
}

/** CPU time of this process's children that have ended and been waited for, in milliseconds. */
export function childrenMs() {
  const { childrenMs: ms } = times('self');
  return ms;
}

/** CPU time that everything on this machine has used since it was booted, in milliseconds; proc(5), /proc/stat. */
export function machineMs() {
  const [user, nice, system, , , irq, softirq] = readFileSync('/proc/stat', 'utf8')
    .split('\n')[0]
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user + nice + system + irq + softirq) * TICK_MS;
}

function describe(pid) {
  const args = read(pid, 'cmdline').split('\0');
  const { ownMs, childrenMs: waitedMs, state } = times(pid);
  return {
    pid: Number(pid),
    args: args.join(' ').trim(),
    role: state === 'Z' ? 'zombie' : roleOf(args),
    node: args[args.indexOf('--node') + 1],
    peakKb: statusKb(pid, 'VmHWM'),
    ownMs,
    childrenMs: waitedMs,
  };
}

function roleOf(args) {
  if (args.some((arg) => arg.includes('unet-rehearsal-node'))) {
    return 'rehearsal';
  }
  const role = args[args.indexOf('node', 1) + 1];
  return role === 'agent' || role === 'supervisor' ? role : 'other';
}

function times(pid) {
  // proc(5): the name in parentheses may hold blanks; utime, stime, cutime and cstime are fields 14 to 17.
  const fields = read(pid, 'stat')
    .replace(/^.*\) /s, '')
    .split(' ');
  const ms = (field) => Number(fields[field - 3] ?? 0) * TICK_MS;
  return { state: fields[0], ownMs: ms(14) + ms(15), childrenMs: ms(16) + ms(17) };
}

function statusKb(pid, name) {
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(read(pid, 'status'))?.[1] ?? 0);
}

/** Empty when it has ended meanwhile, or is somebody else's. */
function read(pid, file) {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

function cwd(pid) {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return '';
  }
}
