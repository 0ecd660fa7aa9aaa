/** The agent's side of the launcher's streams: lines in, lines out, and a peer that may be gone at any time. */
import type { Readable, Writable } from 'node:stream';
import { readLines } from '../process/lines.ts';
import { toLines } from '../protocol/frames.ts';
import type { FromAgent } from '../protocol/from-agent.ts';

export type Channel = {
  send: (message: FromAgent) => void;
  /** Resolves when what was sent is handed to the kernel, or cannot be. */
  flush: () => Promise<void>;
};

export type ChannelOptions = {
  input: Readable;
  output: Writable;
  node: string;
  /** Each line of input. */
  onLine: (line: string) => void;
  /** The input has ended: nobody is there any more. */
  onEnd: () => void;
};

export function openChannel(options: ChannelOptions): Channel {
  const { input, output } = options;
  let open = true;
  output.on('error', () => {
    // EPIPE: the launcher is gone. The end of the input tells us too; what remains is the teardown.
    open = false;
  });
  readLines(input, { onLine: options.onLine, onEnd: options.onEnd });
  input.on('error', options.onEnd);
  return {
    send: (message) => {
      for (const line of toLines(message, options.node)) {
        if (open) {
          output.write(`${line}\n`);
        }
      }
    },
    flush: () =>
      new Promise((resolve) => {
        if (open) {
          output.write('', () => resolve());
          setTimeout(resolve, 1000).unref();
        } else {
          resolve();
        }
      }),
  };
}
