/** The meeting point as a file of the job directory, on a filesystem that every node sees. */
import { readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { readPrivateFile, writePrivateFile } from '../files/private-file.ts';
import { verifyPrivateDirectory } from '../files/safe-path.ts';
import { createWakeUp } from '../process/wake-up.ts';
import { type MeetingPlace, type MeetingPoint, readMeetingPoint } from './meeting-point.ts';

const FILE = 'meeting.json';
// A look is two listings and a read on each node, for as long as the lead's prolog is not there yet: a second or two.
const POLL_MS = 500;
const JITTER = 0.2;

export function sharedFsPlace(jobDir: string, jobId: string): MeetingPlace {
  const file = join(jobDir, FILE);
  return {
    publish: async (point) => await writePrivateFile(file, `${JSON.stringify(point)}\n`),
    watch: async (signal) => {
      const wakeUp = createWakeUp(signal);
      try {
        for (;;) {
          const point = await wakeUp.unlessAborted(look(jobDir, file, jobId).catch(() => undefined));
          if (point !== undefined) {
            return point;
          }
          await wakeUp.next(POLL_MS * (1 - JITTER + 2 * JITTER * Math.random()));
        }
      } finally {
        wakeUp.end();
      }
    },
    withdraw: async () => await rm(file, { force: true }),
  };
}

/**
 * Never asks for a name before the listing of its directory has it: an NFS client remembers for 30 to 60 s that a name was
 * missing, whereas listing a directory that has changed makes it ask the server.
 */
async function look(jobDir: string, file: string, jobId: string): Promise<MeetingPoint | undefined> {
  if (!(await readdir(dirname(jobDir))).includes(basename(jobDir))) {
    return undefined;
  }
  await verifyPrivateDirectory(jobDir);
  return (await readdir(jobDir)).includes(FILE)
    ? readMeetingPoint(await readPrivateFile(file), jobId)
    : undefined;
}
