/**
 * One supervisor per job. On one host an abstract unix socket decides: the kernel gives it to one process and takes it
 * back at its end, whatever that was (unix(7)). Between hosts the state file does: it names a host and is renewed.
 */
import { createServer } from 'node:net';
import { ownUid } from '../process/user.ts';

/** True when this process has become the job's supervisor on this host; held until it ends. */
export function acquireLock(jobId: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', () => resolve(false));
    server.listen({ path: `\0unet-supervisor-${ownUid()}-${jobId}` }, () => {
      server.unref();
      resolve(true);
    });
  });
}
