/**
 * Closes the descriptors that a resident process has inherited beyond its standard streams. A process that waits for the end of
 * such a pipe or socket (the PMI socket of a Flux task, the pipe of a shell's `$( )`) would wait as long as the cluster lives.
 */
import { closeSync, readdirSync, readlinkSync } from 'node:fs';

const FIRST = 3;

closeInherited();

/** Runs before this process opens anything itself: sockets, files and halves of pipes are somebody else's then. */
function closeInherited(): void {
  const open = readdirSync('/proc/self/fd')
    .map(Number)
    .filter((fd) => fd >= FIRST)
    .map((fd) => ({ fd, target: targetOf(fd) }));
  for (const { fd, target } of open) {
    // Node's own at this moment: epoll and event descriptors, /dev/null, and pipes with both ends in this process.
    const isNodes =
      target === undefined ||
      target.startsWith('anon_inode:') ||
      target === '/dev/null' ||
      (target.startsWith('pipe:') && open.filter((other) => other.target === target).length > 1);
    if (!isNodes) {
      closeSync(fd);
    }
  }
}

/** Undefined for the descriptor by which the list itself was read. */
function targetOf(fd: number): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return undefined;
  }
}
