/** The log of one step on one node, 0600, with secrets taken out. */

import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { errnoOf, errorMessage } from '../errors.ts';
import { createLineRedactor } from '../process/redact.ts';
import { plain } from '../process/run.ts';

export type StepLog = { path: string; line: (text: string) => void; close: () => void };

/**
 * Opens `path` for appending, in a directory that is made if it is missing, but not the one above it: that may have been removed with its
 * job, and a log of the teardown would bring it back. A log that cannot be written does not fail the step; `onTrouble` is told, once.
 */
export function openStepLog(path: string, onTrouble: (message: string) => void): StepLog {
  let fd: number | undefined;
  const redact = createLineRedactor();
  const attempt = (write: () => void) => {
    try {
      write();
    } catch (error) {
      close();
      onTrouble(`the log ${path} cannot be written: ${errorMessage(error)}`);
    }
  };
  const close = () => {
    if (fd !== undefined) {
      const open = fd;
      fd = undefined;
      attempt(() => closeSync(open));
    }
  };
  const line = (text: string) => {
    const open = fd;
    if (open !== undefined) {
      // Synchronous: a line is small, and what was said before a kill is what the log is for.
      attempt(() => writeSync(open, `${redact(plain(text))}\n`));
    }
  };
  attempt(() => {
    makeDirectory(dirname(path));
    fd = openSync(path, 'a', 0o600);
  });
  line(`# ${new Date().toISOString()}`);
  return { path, line, close };
}

function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') {
      throw error;
    }
  }
}
