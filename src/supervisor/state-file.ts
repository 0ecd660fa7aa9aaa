/** The state file: one write at a time, and the last one always made. */
import { errorMessage } from '../errors.ts';
import { writePrivateFile } from '../files/private-file.ts';
import type { JobState } from '../job/state.ts';
import { coalescing } from '../process/coalescing.ts';

export type StateFile = {
  /** Writes the state as it is when its turn comes. Resolves when it is written, or could not be. */
  save: () => Promise<void>;
};

/** @param onTrouble is told when it cannot be written: a full disk must not end a running cluster. */
export function createStateFile(
  path: string,
  read: () => JobState,
  onTrouble: (message: string) => void,
): StateFile {
  const writing = coalescing(() =>
    // Not synced, often as it is written: a machine that is started again has no cluster, and half a state is taken for none.
    writePrivateFile(path, `${JSON.stringify(read(), null, 2)}\n`, { durable: false }).catch(
      (error: unknown) => onTrouble(`the state could not be written: ${errorMessage(error)}`),
    ),
  );
  return { save: writing.run };
}
