/** The record as a file in the job's directory, on a filesystem that every node sees. */
import { readdir, rmdir, unlink } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { watch as watchFiles } from 'chokidar';
import { errnoOf, UnetError } from '../errors.ts';
import { ensurePrivateDirectory } from '../files/private-directory.ts';
import { readPrivateFile, writePrivateFile } from '../files/private-file.ts';
import { verifyPrivateDirectory } from '../files/safe-path.ts';
import { createWakeUp } from '../process/wake-up.ts';
import { checkJoinRecord, type JoinExpectation, type JoinRecord, parseJoinRecord, toWire } from './record.ts';
import type { JoinTransport, Transport } from './transport.ts';

export type SharedFsTransportOptions = {
  /** The job's directory, private and on the shared filesystem; the record is in `join/` of it. */
  jobDir: string;
  expect: JoinExpectation;
  /** What was found and not taken, once each: a stale or broken record, a file that is not ours, no permission. */
  onRefused?: ((error: UnetError) => void) | undefined;
  /** Milliseconds between two looks at the directory, without the jitter. */
  pollMs?: number | undefined;
};

const DIRECTORY = 'join';
const FILE = 'record.json';
const MAX_BYTES = 16 * 1024;
const POLL_MS = 500;
// The kernel takes some milliseconds for it, which are not to lie between the record and the join.
const UNWATCH_AFTER_MS = 500;
// Hundreds of nodes that look at the same moment are a load on a metadata server.
const JITTER = 0.2;
// Gone between two looks, or replaced on the server (ESTALE) while it was read.
const PASSING = new Set(['ENOENT', 'ESTALE']);

/** For allocations with a shared filesystem. */
export const sharedFs: Transport = {
  needsJobDirectory: true,
  needsScheduler: false,
  create: ({ jobDir, expect, onRefused }) => createSharedFsTransport({ jobDir, expect, onRefused }),
};

export function createSharedFsTransport(options: SharedFsTransportOptions): JoinTransport {
  const { expect, onRefused, pollMs = POLL_MS } = options;
  const jobDir = resolve(options.jobDir);
  const directory = join(jobDir, DIRECTORY);
  const file = join(directory, FILE);
  let watcher: Disposable | undefined;
  const unwatch = (one = watcher) => {
    one?.[Symbol.dispose]();
    if (watcher === one) {
      watcher = undefined;
    }
  };
  return {
    name: 'shared-fs',
    publish: async (record, signal) => {
      signal.throwIfAborted();
      await ensurePrivateDirectory(directory);
      signal.throwIfAborted();
      // Written outside of what the workers watch: they are woken once.
      await writePrivateFile(file, `${JSON.stringify(toWire(record))}\n`, {
        temporary: jobDir,
        durable: false,
      });
    },
    watch: async (signal) => {
      signal.throwIfAborted();
      unwatch(); // chokidar would share an earlier one, whose directory may be another by now
      const look = createLook({ jobDir, directory, file, expect, onRefused });
      const wakeUp = createWakeUp(signal);
      try {
        for (;;) {
          const { record, exists } = await wakeUp.unlessAborted(look());
          if (record !== undefined) {
            if (watcher !== undefined) {
              setTimeout(unwatch, UNWATCH_AFTER_MS, watcher).unref();
            }
            return record;
          }
          if (exists && watcher === undefined) {
            watcher = notice(directory, file, wakeUp.wake);
          }
          await wakeUp.next(pollMs * (1 - JITTER + 2 * JITTER * Math.random()));
        }
      } catch (error) {
        unwatch();
        throw error;
      } finally {
        wakeUp.end();
      }
    },
    withdraw: () => withdraw(directory, file, expect),
  };
}

type Look = () => Promise<{ record?: JoinRecord; exists: boolean }>;

/**
 * One look. It never asks for a name before the listing of its directory has it: an NFS client remembers for 30 to
 * 60 s that a name was missing, and would go on saying so after the lead has made it; whereas listing a directory
 * that has changed makes it ask the server.
 */
function createLook(context: {
  jobDir: string;
  directory: string;
  file: string;
  expect: JoinExpectation;
  onRefused: SharedFsTransportOptions['onRefused'];
}): Look {
  const { jobDir, directory, file, expect, onRefused } = context;
  let verified = false;
  let refusedText: string | undefined;
  let refusedMessage: string | undefined;
  const refuse = (error: unknown) => {
    const refusal = UnetError.from(error);
    if (refusal.message !== refusedMessage) {
      refusedMessage = refusal.message;
      onRefused?.(refusal);
    }
  };
  return async () => {
    let exists = verified;
    try {
      if (!verified) {
        if (!(await readdir(jobDir)).includes(basename(directory))) {
          return { exists };
        }
        await verifyPrivateDirectory(directory);
        verified = true;
        exists = true;
      }
      if (!(await readdir(directory)).includes(basename(file))) {
        return { exists };
      }
      const text = await readPrivateFile(file, { maxBytes: MAX_BYTES });
      if (text === refusedText) {
        return { exists };
      }
      try {
        const record = parseJoinRecord(text);
        checkJoinRecord(record, expect);
        return { record, exists };
      } catch (error) {
        refusedText = text;
        throw error;
      }
    } catch (error) {
      verified = false;
      if (!PASSING.has(errnoOf(error) ?? '')) {
        refuse(error);
      }
      return { exists };
    }
  };
}

/**
 * Calls `onChange` as soon as something happens in `directory`, where that can be seen at all. Another client's
 * change on NFS, Lustre or FUSE cannot, and a node may be out of inotify instances: then the timer alone has to do.
 */
function notice(directory: string, file: string, onChange: () => void): Disposable {
  const watcher = watchFiles(directory, {
    depth: 0,
    followSymlinks: false,
    // A handle for the directory and one for the record, whatever else is in there.
    ignored: (path) => path !== directory && path !== file,
  });
  const close = () => void watcher.close();
  watcher.on('all', onChange);
  watcher.on('error', close);
  return { [Symbol.dispose]: close };
}

async function withdraw(directory: string, file: string, expect: JoinExpectation): Promise<void> {
  try {
    if (await isAnothers(file, expect)) {
      return;
    }
    await unlink(file);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') {
      throw error;
    }
  }
  await rmdir(directory).catch(() => {}); // not there, or not empty: the job's directory is removed as a whole later
}

/** Whether a record is there that somebody else has published in the meantime: another job, or a later epoch. */
async function isAnothers(file: string, { jobId, epoch }: JoinExpectation): Promise<boolean> {
  try {
    const record = parseJoinRecord(await readPrivateFile(file, { maxBytes: MAX_BYTES }));
    return record.jobId !== jobId || record.epoch > epoch;
  } catch (error) {
    if (UnetError.is(error)) {
      return false; // broken, or put there by hand: away with it
    }
    throw error;
  }
}
