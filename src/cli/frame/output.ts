/** Writing results and messages so that a closed pipe (`unet status | head -1`) ends quietly. */
import { errnoOf, UnetError } from '../../errors.ts';

export type Output = {
  out: (line: string) => void;
  say: (line: string) => void;
  /** Aborted when a reader has gone. */
  closed: AbortSignal;
  /** What went wrong with writing, other than a reader who has gone: a full disk. */
  failure: () => UnetError | undefined;
  /** Resolves when both streams have taken what was written. */
  flush: () => Promise<void>;
};

// Reading ends first, then writes to the destroyed stream are refused.
const READER_GONE = ['EPIPE', 'ERR_STREAM_DESTROYED', 'ERR_STREAM_WRITE_AFTER_END'];

/** Both streams of a command. Their error listeners stay: an EPIPE can arrive after the command has ended. */
export function createOutput(stdout: NodeJS.WritableStream, stderr: NodeJS.WritableStream): Output {
  const closed = new AbortController();
  let failure: UnetError | undefined;
  for (const stream of new Set([stdout, stderr])) {
    stream.on('error', (error) => {
      if (READER_GONE.includes(errnoOf(error) ?? '')) {
        closed.abort();
      } else {
        failure ??= UnetError.from(error);
      }
    });
  }
  return {
    out: (line) => void stdout.write(`${line}\n`),
    say: (line) => void stderr.write(`${line}\n`),
    closed: closed.signal,
    failure: () => failure,
    flush: async () => {
      await Promise.all([stdout, stderr].map(flushed));
    },
  };
}

function flushed(stream: NodeJS.WritableStream): Promise<void> {
  return new Promise((resolve) => {
    if (!stream.writable) {
      resolve();
      return;
    }
    stream.write('', () => resolve());
  });
}
