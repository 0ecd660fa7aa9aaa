/** Counting what processes ask of a filesystem. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const CHANGES =
  /^(mkdir|mkdirat|rmdir|unlink|unlinkat|rename|renameat|renameat2|link|linkat|symlink|symlinkat|chmod|fchmod|fchmodat|write|pwrite64|writev|utimensat|ftruncate|fsync|fdatasync|copy_file_range|sendfile)\(|O_CREAT/;

let available;

export function hasStrace() {
  available ??= spawnSync('strace', ['-V'], { stdio: 'ignore' }).status === 0;
  return available;
}

/** The same command, traced into a file of its own in `log`; as it is without `log`. */
export function straced(log, argv) {
  if (log === undefined) {
    return argv;
  }
  const file = join(log, `${readdirSync(log).length}-${Math.random().toString(36).slice(2)}`);
  // -y: what a file descriptor stands for. Calls that only work on memory or sockets are left out.
  return [
    'strace',
    '-f',
    '-y',
    '-qq',
    '-s',
    '0',
    '-e',
    'trace=%file,%desc',
    '-e',
    'signal=none',
    '-o',
    file,
    ...argv,
  ];
}

/** System calls on paths beneath `shared`, those in which nothing was asked of the filesystem left out. */
export function counted(log, shared) {
  const calls = readdirSync(log)
    .flatMap((name) => readFileSync(join(log, name), 'utf8').split('\n'))
    .map((line) => line.replace(/^\d+ +/, ''))
    .filter((line) => line.includes(shared) && !/^(execve|fcntl|lseek|mmap|poll|ioctl|<\.\.\. )/.test(line));
  return { operations: calls.length, changes: calls.filter((line) => CHANGES.test(line)).length };
}
